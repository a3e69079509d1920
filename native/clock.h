// A clock that nobody sets and that runs on while the system is suspended. One file per system implements
// this.
#pragma once

namespace tierlock {

// Milliseconds since some moment in the past, the same for all threads.
double UptimeMs();

}  // namespace tierlock
