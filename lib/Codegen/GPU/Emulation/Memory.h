//===- Memory.h - The memories of an emulated chip, with their rules ------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_EMULATION_MEMORY_H
#define WINNOW_LIB_CODEGEN_GPU_EMULATION_MEMORY_H

#include "llvm/ADT/Twine.h"

#include <algorithm>
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

/// Who touches memory: a thread, or a warp on behalf of all its lanes.
struct Accessor {
  int warp;
  int lane = kAllLanes;
  static constexpr int kAllLanes = -1;
};

/// What happened before, of every warp and of the bulk copies of every barrier: up to which of its times, and which of the writes
/// until then a fence of proxies lies behind, so that `wgmma` and bulk copies see them too.
struct Clock {
  std::vector<uint32_t> seen, fenced;
  explicit Clock(int agents = 0) : seen(agents), fenced(agents) {}
  void join(const Clock &other);
};

/// Shared memory of a block of threads, with what synchronises them. Says where threads
/// read what nobody wrote, where one touches what another one writes with nothing that
/// orders the two, and where a copy has not arrived.
class SharedMemory {
public:
  SharedMemory(size_t bytes, int warps, Fault &fault);

  void read(uint64_t address, size_t count, Accessor by, uint8_t *to);
  void write(uint64_t address, size_t count, Accessor by, const uint8_t *from);
  /// A copy that the thread has started, and its end.
  void beginCopy(uint64_t address, size_t count, Accessor by);
  void endCopy(uint64_t address, size_t count, Accessor by, const uint8_t *from);
  /// What `wgmma` reads from when the warp issues it until it has waited for it.
  void beginProduct(uint64_t address, size_t count, int warp, uint8_t *to);
  void endProduct(uint64_t address, size_t count, int warp);

  /// The warps have met.
  void passBarrier(const std::vector<int> &warps);
  /// What the warp wrote and saw is now there for `wgmma` and bulk copies.
  void passProxyFence(int warp);

  //===-- Barriers in memory ----------------------------------------------===//

  void initBarrier(uint64_t address, int64_t count, Accessor by);
  /// Bytes of bulk copies that the phase waits for too.
  void expectBytes(uint64_t address, int64_t bytes, Accessor by);
  /// The end of a bulk copy of chunks of 16 bytes, of which the barrier learns.
  void endBulkCopy(const std::vector<uint64_t> &chunks, const uint8_t *from, uint64_t barrier);
  /// Arrivals of some lanes of a warp, or of all of them.
  void arrive(uint64_t address, int64_t count, Accessor by);
  /// Whether the phase of the parity is over.
  bool isOver(uint64_t address, int parity, Accessor by);
  /// Goes on behind the phase that is over.
  void acquire(uint64_t address, int warp);
  /// Lanes that go on together without a word of their memory: what is in flight is not.
  void syncWarp(int warp);
  /// For messages.
  std::string describeBarrier(uint64_t address) const;

private:
  struct State {
    uint32_t writeTime = 0; ///< of the writer's warp; 0: never
    int16_t writeWarp = -1, writeLane = -1;
    uint16_t products = 0; ///< that may be reading it
    bool isInFlight = false, isBarrier = false;
  };
  struct Read {
    uint32_t time = 0;
    int16_t lane = Accessor::kAllLanes; ///< kAllLanes: several
  };
  struct Barrier {
    int64_t count, pending, bytes = 0;
    uint64_t phase = 0;
    Clock arrived, over;
    Accessor by;
    uint32_t time;
    int copies; ///< the number of its bulk copies among clocks
  };
  bool check(uint64_t address, size_t count);
  void checkWrite(uint64_t address, Accessor by);
  void checkRead(uint64_t address, Accessor by);
  bool isOrdered(int warp, int lane, uint32_t time, Accessor by) const;
  Barrier *getBarrier(uint64_t address, Accessor by);
  void endPhase(Barrier &barrier);
  uint32_t now(int warp) const { return clocks[warp].seen[warp]; }
  int threadOf(int warp, int lane) const { return 32 * warp + std::max(lane, 0); }

  static constexpr int kBarriers = 32;
  int countAgents() const { return warps + kBarriers; }

  Fault &fault;
  int warps;
  std::vector<uint8_t> bytes;
  std::vector<State> states;
  std::vector<Read> reads; ///< of every byte, by each warp
  std::vector<Clock> clocks;
  std::vector<uint32_t> together; ///< until when a warp's lanes know of each other
  std::map<uint64_t, Barrier> barriers;
};

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_EMULATION_MEMORY_H
