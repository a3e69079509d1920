// Compiles to the same header as thread_linux.cc. Written from the documentation; it has not been run.
#include <mach/mach.h>
#include <pthread.h>

#include "thread.h"

namespace tierlock {

int32_t CurrentThreadId() { return static_cast<int32_t>(pthread_mach_thread_np(pthread_self())); }

bool ThreadAlive(int32_t id) {
  thread_act_array_t threads;
  mach_msg_type_number_t count;
  if (task_threads(mach_task_self(), &threads, &count) != KERN_SUCCESS) return true;
  bool found = false;
  for (mach_msg_type_number_t i = 0; i < count; i++) {
    found = found || static_cast<int32_t>(threads[i]) == id;
    mach_port_deallocate(mach_task_self(), threads[i]);
  }
  vm_deallocate(mach_task_self(), reinterpret_cast<vm_address_t>(threads), count * sizeof(threads[0]));
  return found;
}

}  // namespace tierlock
