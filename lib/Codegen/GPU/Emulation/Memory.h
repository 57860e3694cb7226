//===- Memory.h - The memories of an emulated chip, with their rules ------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_EMULATION_MEMORY_H
#define WINNOW_LIB_CODEGEN_GPU_EMULATION_MEMORY_H

#include "llvm/ADT/Twine.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace winnow::gpu {

/// The first thing that went wrong. All that follows does nothing.
class Fault {
public:
  void report(const llvm::Twine &message) {
    if (text.empty())
      text = message.str();
  }
  bool any() const { return !text.empty(); }
  const std::string &message() const { return text; }

private:
  std::string text;
};

/// Buffers of the device, and those on the host's stack. Addresses are the real ones.
class GlobalMemory {
public:
  explicit GlobalMemory(Fault &fault) : fault(fault) {}
  /// A buffer behind which another one never begins at once.
  uint8_t *allocate(size_t bytes);
  /// The bytes at an address, if all of them are a buffer's and it is aligned; else null.
  uint8_t *get(uint64_t address, size_t bytes, size_t alignment);

private:
  Fault &fault;
  std::map<uint64_t, std::vector<uint8_t>> buffers;
};

/// Shared memory of a block of threads. Says where threads read what nobody wrote, where
/// one touches what another one writes with no barrier between them, and where a copy has
/// not arrived.
class SharedMemory {
public:
  SharedMemory(size_t bytes, Fault &fault) : fault(fault), bytes(bytes), states(bytes) {}

  static constexpr int kWarp = -2; ///< a read on behalf of all threads of a warp
  void read(uint64_t address, size_t count, int thread, uint8_t *to);
  void write(uint64_t address, size_t count, int thread, const uint8_t *from);
  /// A copy that the thread has started, and its end.
  void beginCopy(uint64_t address, size_t count, int thread);
  void endCopy(uint64_t address, size_t count, int thread, const uint8_t *from);
  /// All threads have met.
  void passBarrier() { ++epoch; }

private:
  struct State {
    int64_t writeEpoch = -1, readEpoch = -1; ///< -1: never
    int writer = -1, reader = -1;            ///< kWarp: several
    bool isInFlight = false;
  };
  bool check(uint64_t address, size_t count);
  void checkWrite(uint64_t address, State &state, int thread);

  Fault &fault;
  std::vector<uint8_t> bytes;
  std::vector<State> states;
  int64_t epoch = 0;
};

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_EMULATION_MEMORY_H
