{
  # werror=1 in CI; sanitize=address builds for test:full.
  'variables': { 'werror%': 0, 'sanitize%': '' },
  'targets': [{
    'target_name': 'tierlock',
    'sources': ['native/addon.cc'],
    'defines': [
      'NAPI_VERSION=9',
      'NODE_ADDON_API_DISABLE_DEPRECATED',
      'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
      # A thread that is being terminated can throw no more. Without this, trying it ends the whole process.
      'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
    ],
    'cflags': ['-Wall', '-Wextra', '-fvisibility=hidden'],
    'cflags_cc!': ['-std=gnu++20', '-std=gnu++17'],
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
      ['OS=="linux"', { 'sources': ['native/thread_linux.cc'], 'ldflags': ['-Wl,--as-needed'] }],
      ['OS=="mac"', {
        'sources': ['native/thread_mac.cc'],
        'xcode_settings': {
          'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
          'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
          'MACOSX_DEPLOYMENT_TARGET': '11.0',
          'OTHER_CPLUSPLUSFLAGS': ['-isystem', '../<!(node -p "require(\'node-addon-api\').include_dir")'],
        },
      }],
    ],
  }],
}
