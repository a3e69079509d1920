{
  # werror=1 in CI; sanitize=address builds for test:full.
  'variables': { 'werror%': 0, 'sanitize%': '' },
  'targets': [{
    'target_name': 'tierlock',
    'sources': [
      'native/addon.cc', 'native/arguments.cc', 'native/bells.cc', 'native/block.cc', 'native/callback.cc',
      'native/ends.cc', 'native/file_lock.cc', 'native/file_waits.cc', 'native/files.cc', 'native/futex.cc',
      'native/mapped_file.cc', 'native/names.cc', 'native/posix_holds.cc', 'native/process.cc', 'native/ring.cc',
      'native/waits.cc',
    ],
    'defines': [
      'NAPI_VERSION=9',
      'NODE_ADDON_API_DISABLE_DEPRECATED',
      'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
      # A thread that is being terminated can throw no more. Without this, trying it ends the whole process.
      'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
    ],
    'cflags': ['-Wall', '-Wextra', '-fvisibility=hidden'],
    # Memory that runs out while a mutex is held comes as an exception, and is caught before it can leave the addon.
    'cflags_cc!': ['-std=gnu++20', '-std=gnu++17', '-fno-exceptions'],
    'cflags_cc': [
      '-std=c++17',
      # Not ours to fix: their warnings must not fail a build with werror. Seen from build/, because an absolute
      # path may have spaces in it.
      '-isystem', '../<!(node -p "require(\'node-addon-api\').include_dir")',
    ],
    'conditions': [
      ['werror==1', { 'cflags': ['-Werror'] }],
      ['sanitize!=""', { 'cflags': ['-fsanitize=<(sanitize)', '-fno-omit-frame-pointer', '-g'], 'ldflags': ['-fsanitize=<(sanitize)'] }],
      # One binary must load wherever its Node does: it takes the C++ runtime that Node itself needs. One of its
      # own would ask for the newest functions of the C library that it was compiled with.
      ['OS=="linux"', {
        'sources': [
          'native/clock_linux.cc', 'native/file_id_linux.cc', 'native/file_lock_linux.cc', 'native/interrupt_linux.cc',
          'native/mapped_file_linux.cc', 'native/memory_linux.cc', 'native/process_linux.cc',
          'native/thread_linux.cc',
        ],
        # Never unloaded: process_linux.cc.
        'ldflags': ['-Wl,--as-needed', '-Wl,-z,nodelete'],
      }],
      ['OS=="mac"', {
        'sources': [
          'native/clock_mac.cc', 'native/file_id_mac.cc', 'native/file_lock_mac.cc', 'native/interrupt_mac.cc',
          'native/mapped_file_mac.cc', 'native/memory_mac.cc', 'native/process_mac.cc',
          'native/thread_mac.cc',
        ],
        'xcode_settings': {
          'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
          'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
          'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
          'MACOSX_DEPLOYMENT_TARGET': '11.0',
          'OTHER_CPLUSPLUSFLAGS': ['-isystem', '../<!(node -p "require(\'node-addon-api\').include_dir")'],
        },
      }],
    ],
  }],
}
