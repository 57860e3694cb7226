//===- Memory.cpp - The memories of an emulated chip, with their rules ----===//

#include "Memory.h"

#include <algorithm>

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

/// Of every buffer before its first byte and behind its last one.
static constexpr size_t kMargin = 256;

uint8_t *GlobalMemory::allocate(size_t bytes) {
  std::vector<uint8_t> storage(bytes + 3 * kMargin);
  uint64_t start = (reinterpret_cast<uint64_t>(storage.data()) + 2 * kMargin - 1) / kMargin * kMargin;
  auto &kept = buffers[start];
  kept = std::move(storage);
  kept.resize(start - reinterpret_cast<uint64_t>(kept.data()) + bytes);
  return reinterpret_cast<uint8_t *>(start);
}

uint8_t *GlobalMemory::get(uint64_t address, size_t bytes, size_t alignment) {
  auto next = buffers.upper_bound(address);
  if (next == buffers.begin()) {
    fault.report("an address that is no buffer's");
    return nullptr;
  }
  auto &[start, storage] = *std::prev(next);
  uint64_t end = reinterpret_cast<uint64_t>(storage.data()) + storage.size();
  if (address + bytes > end) {
    fault.report("bytes " + llvm::Twine(address - start) + " to " +
                 llvm::Twine(address - start + bytes - 1) + " of a buffer of " +
                 llvm::Twine(end - start));
    return nullptr;
  }
  if (address % std::max<size_t>(alignment, 1)) {
    fault.report("byte " + llvm::Twine(address - start) + " of a buffer, where a multiple of " +
                 llvm::Twine(alignment) + " is needed");
    return nullptr;
  }
  return reinterpret_cast<uint8_t *>(address);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

bool SharedMemory::check(uint64_t address, size_t count) {
  if (address + count <= bytes.size() && address % count == 0)
    return true;
  fault.report("bytes " + llvm::Twine(address) + " to " + llvm::Twine(address + count - 1) +
               " of " + llvm::Twine(bytes.size()) + " of shared memory" +
               (address % count ? ", not aligned" : ""));
  return false;
}

static std::string place(uint64_t address) {
  return "byte " + std::to_string(address) + " of shared memory";
}

void SharedMemory::read(uint64_t address, size_t count, int thread, uint8_t *to) {
  if (!check(address, count))
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    State &state = states[at];
    if (state.isInFlight)
      fault.report(place(at) + " is read while a copy of thread " + llvm::Twine(state.writer) +
                   " may not have arrived");
    else if (state.writeEpoch < 0)
      fault.report(place(at) + " is read and was not written");
    else if (state.writeEpoch == epoch && state.writer != thread)
      fault.report(place(at) + " is read by thread " + llvm::Twine(thread) +
                   " with no barrier after thread " + llvm::Twine(state.writer) + " wrote it");
    state.reader = state.readEpoch == epoch && state.reader != thread ? kWarp : thread;
    state.readEpoch = epoch;
  }
  std::copy_n(bytes.begin() + address, count, to);
}

void SharedMemory::checkWrite(uint64_t address, State &state, int thread) {
  if (state.isInFlight)
    fault.report(place(address) + " is written while a copy to it is on its way");
  if (state.readEpoch == epoch && state.reader != thread)
    fault.report(place(address) + " is written by thread " + llvm::Twine(thread) +
                 " with no barrier after another thread read it");
  if (state.writeEpoch == epoch && state.writer != thread)
    fault.report(place(address) + " is written by threads " + llvm::Twine(thread) + " and " +
                 llvm::Twine(state.writer) + " with no barrier between them");
}

void SharedMemory::write(uint64_t address, size_t count, int thread, const uint8_t *from) {
  if (!check(address, count))
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    checkWrite(at, states[at], thread);
    states[at].writeEpoch = epoch;
    states[at].writer = thread;
  }
  std::copy_n(from, count, bytes.begin() + address);
}

void SharedMemory::beginCopy(uint64_t address, size_t count, int thread) {
  if (!check(address, count))
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    checkWrite(at, states[at], thread);
    states[at].isInFlight = true;
    states[at].writer = thread;
  }
}

void SharedMemory::endCopy(uint64_t address, size_t count, int thread, const uint8_t *from) {
  if (fault.any())
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    states[at].isInFlight = false;
    states[at].writeEpoch = epoch;
    states[at].writer = thread;
  }
  std::copy_n(from, count, bytes.begin() + address);
}

} // namespace winnow::gpu
