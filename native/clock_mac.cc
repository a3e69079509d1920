// Compiles to the same header as clock_linux.cc. Written from the documentation; it has not been run.
#include <mach/mach_time.h>

#include "clock.h"

namespace tierlock {

double UptimeMs() {
  static const mach_timebase_info_data_t base = [] {
    mach_timebase_info_data_t info;
    mach_timebase_info(&info);
    return info;
  }();
  return static_cast<double>(mach_continuous_time()) * base.numer / base.denom / 1e6;
}

}  // namespace tierlock
