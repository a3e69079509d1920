// What one environment (a thread's, of one copy of the addon) keeps: only its own thread touches this.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "callback.h"
#include "process.h"
#include "waits.h"

namespace tierlock {

using Word = std::atomic<int32_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == sizeof(int32_t),
              "an element of an Int32Array must serve as an atomic");

// A promise to store `value` into `word` when the thread ends. `view` keeps the memory until then, even when
// JavaScript has dropped all of it; it is empty for memory that stays anyway. The pointer stays right because
// neither is ever moved or detached.
struct LastWord {
  Napi::Reference<Napi::Int32Array> view;
  Word* word;
  int32_t value;
};

// A wait for a file's lock, which a thread of its own does.
struct FileWait {
  Waiter* waiter;
  FileLock lock;
};

struct State {
  const Found process = FindProcess();
  const int32_t thread;

  std::map<int64_t, LastWord> last_words;  // by ticket, so the last promised is the last stored
  int64_t next_ticket = 1;

  std::vector<int64_t> uses;  // of the names, by slot
  std::vector<Napi::Reference<Napi::ArrayBuffer>> chunks;
  Chunk last_chunk = {nullptr, 0};  // where a word was last found

  Callback ring;

  std::map<int64_t, FileWait> waits;  // by ticket
  int64_t next_wait = 1;
  Callback wait_done;

  std::map<const char*, Napi::Reference<Napi::ArrayBuffer>> mapped;  // files, by their memory

  explicit State(int32_t thread) : thread(thread) {}
};

// The functions for JavaScript, a file each.
void AddEnds(Napi::Env env, Napi::Object exports);
void AddRing(Napi::Env env, Napi::Object exports);
void AddBlock(Napi::Env env, Napi::Object exports);
void AddFutex(Napi::Env env, Napi::Object exports);
void AddFiles(Napi::Env env, Napi::Object exports);
void AddFileWaits(Napi::Env env, Napi::Object exports);
void AddMappedFiles(Napi::Env env, Napi::Object exports);

}  // namespace tierlock
