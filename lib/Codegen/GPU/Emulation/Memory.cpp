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

void Clock::join(const Clock &other) {
  for (size_t i = 0; i < seen.size(); ++i) {
    seen[i] = std::max(seen[i], other.seen[i]);
    fenced[i] = std::max(fenced[i], other.fenced[i]);
  }
}

SharedMemory::SharedMemory(size_t bytes, int warps, Fault &fault)
    : fault(fault), warps(warps), bytes(bytes), states(bytes), reads(bytes * warps),
      clocks(countAgents(), Clock(countAgents())), together(warps) {
  for (int agent = 0; agent < countAgents(); ++agent)
    clocks[agent].seen[agent] = 1;
}

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

/// Whether what a warp did at a time lies before what comes now.
bool SharedMemory::isOrdered(int warp, int lane, uint32_t time, Accessor by) const {
  if (warp == by.warp)
    return (lane == by.lane && lane != Accessor::kAllLanes) || time <= together[warp];
  return time <= clocks[by.warp].seen[warp];
}

void SharedMemory::checkRead(uint64_t at, Accessor by) {
  const State &state = states[at];
  if (state.isBarrier)
    fault.report(place(at) + ", a barrier's, is read");
  else if (state.isInFlight)
    fault.report(place(at) + " is read while a copy of thread " +
                 llvm::Twine(threadOf(state.writeWarp, state.writeLane)) + " may not have arrived");
  else if (!state.writeTime)
    fault.report(place(at) + " is read and was not written");
  else if (!isOrdered(state.writeWarp, state.writeLane, state.writeTime, by))
    fault.report(place(at) + " is read by thread " + llvm::Twine(threadOf(by.warp, by.lane)) +
                 " with no barrier after thread " +
                 llvm::Twine(threadOf(state.writeWarp, state.writeLane)) + " wrote it");
}

void SharedMemory::read(uint64_t address, size_t count, Accessor by, uint8_t *to) {
  if (!check(address, count))
    return;
  uint32_t time = now(by.warp);
  for (uint64_t at = address; at < address + count; ++at) {
    checkRead(at, by);
    Read &last = reads[at * warps + by.warp];
    bool isOther = last.time > together[by.warp] && last.lane != by.lane;
    last = {time, static_cast<int16_t>(isOther ? Accessor::kAllLanes : by.lane)};
  }
  std::copy_n(bytes.begin() + address, count, to);
}

void SharedMemory::checkWrite(uint64_t address, Accessor by) {
  const State &state = states[address];
  int thread = threadOf(by.warp, by.lane);
  if (state.isBarrier)
    fault.report(place(address) + ", a barrier's, is written");
  if (state.isInFlight)
    fault.report(place(address) + " is written while a copy to it is on its way");
  if (state.products)
    fault.report(place(address) + " is written by thread " + llvm::Twine(thread) +
                 " while a product of warps may read it");
  for (int warp = 0; warp < warps; ++warp) {
    const Read &last = reads[address * warps + warp];
    if (last.time && !isOrdered(warp, last.lane, last.time, by))
      fault.report(place(address) + " is written by thread " + llvm::Twine(thread) +
                   " with no barrier after another thread read it");
  }
  if (state.writeTime && !isOrdered(state.writeWarp, state.writeLane, state.writeTime, by))
    fault.report(place(address) + " is written by threads " + llvm::Twine(thread) + " and " +
                 llvm::Twine(threadOf(state.writeWarp, state.writeLane)) +
                 " with no barrier between them");
}

void SharedMemory::write(uint64_t address, size_t count, Accessor by, const uint8_t *from) {
  if (!check(address, count))
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    checkWrite(at, by);
    State &state = states[at];
    state.writeTime = now(by.warp);
    state.writeWarp = by.warp;
    state.writeLane = by.lane;
  }
  std::copy_n(from, count, bytes.begin() + address);
}

void SharedMemory::beginCopy(uint64_t address, size_t count, Accessor by) {
  if (!check(address, count))
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    checkWrite(at, by);
    states[at].isInFlight = true;
    states[at].writeWarp = by.warp;
    states[at].writeLane = by.lane;
  }
}

void SharedMemory::endCopy(uint64_t address, size_t count, Accessor by, const uint8_t *from) {
  if (fault.any())
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    State &state = states[at];
    state.isInFlight = false;
    state.writeTime = now(by.warp);
    state.writeWarp = by.warp;
    state.writeLane = by.lane;
  }
  std::copy_n(from, count, bytes.begin() + address);
}

void SharedMemory::beginProduct(uint64_t address, size_t count, int warp, uint8_t *to) {
  if (!check(address, count))
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    State &state = states[at];
    checkRead(at, {warp});
    if (state.writeTime > clocks[warp].fenced[state.writeWarp])
      fault.report(place(at) + " is read by a product of warps with no fence of proxies after thread " +
                   llvm::Twine(threadOf(state.writeWarp, state.writeLane)) + " wrote it");
    ++state.products;
  }
  std::copy_n(bytes.begin() + address, count, to);
}

void SharedMemory::endProduct(uint64_t address, size_t count, int warp) {
  if (fault.any())
    return;
  for (uint64_t at = address; at < address + count; ++at) {
    --states[at].products;
    reads[at * warps + warp] = {now(warp), Accessor::kAllLanes};
  }
}

//===----------------------------------------------------------------------===//
// What orders threads
//===----------------------------------------------------------------------===//

void SharedMemory::syncWarp(int warp) {
  together[warp] = now(warp);
  ++clocks[warp].seen[warp];
}

void SharedMemory::passBarrier(const std::vector<int> &met) {
  Clock all(countAgents());
  for (int warp : met)
    all.join(clocks[warp]);
  for (int warp : met) {
    clocks[warp].join(all);
    syncWarp(warp);
  }
}

void SharedMemory::passProxyFence(int warp) {
  Clock &clock = clocks[warp];
  for (int other = 0; other < countAgents(); ++other)
    clock.fenced[other] = std::max(clock.fenced[other], clock.seen[other]);
  ++clock.seen[warp];
}

void SharedMemory::initBarrier(uint64_t address, int64_t count, Accessor by) {
  if (!check(address, 8))
    return;
  if (barriers.count(address))
    return fault.report(place(address) + " is made a barrier twice");
  if (barriers.size() == kBarriers)
    return fault.report("more than " + llvm::Twine(kBarriers) + " barriers in shared memory");
  for (uint64_t at = address; at < address + 8; ++at) {
    checkWrite(at, by);
    states[at].isBarrier = true;
  }
  barriers.emplace(address, Barrier{count, count, 0, 0, Clock(countAgents()), Clock(countAgents()), by,
                                    now(by.warp), warps + static_cast<int>(barriers.size())});
}

SharedMemory::Barrier *SharedMemory::getBarrier(uint64_t address, Accessor by) {
  auto at = barriers.find(address);
  if (at == barriers.end()) {
    fault.report(place(address) + " is no barrier");
    return nullptr;
  }
  Barrier &barrier = at->second;
  if (!isOrdered(barrier.by.warp, barrier.by.lane, barrier.time, by)) {
    fault.report("the barrier at " + place(address) + " is used by thread " +
                 llvm::Twine(threadOf(by.warp, by.lane)) + ", which may come before it is made");
    return nullptr;
  }
  return &barrier;
}

void SharedMemory::arrive(uint64_t address, int64_t count, Accessor by) {
  Barrier *barrier = getBarrier(address, by);
  if (!barrier)
    return;
  if (barrier->pending < count)
    return fault.report("more arrivals at the barrier at " + place(address) + " than the " +
                        llvm::Twine(barrier->count) + " it waits for");
  // A lane on its own speaks for what its warp did until its lanes met.
  Clock known = clocks[by.warp];
  if (by.lane != Accessor::kAllLanes)
    known.seen[by.warp] = together[by.warp];
  barrier->arrived.join(known);
  if (by.lane == Accessor::kAllLanes)
    ++clocks[by.warp].seen[by.warp];
  barrier->pending -= count;
  endPhase(*barrier);
}

void SharedMemory::endPhase(Barrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  barrier.over = barrier.arrived;
  barrier.arrived = Clock(countAgents());
  barrier.pending = barrier.count;
  ++barrier.phase;
}

void SharedMemory::expectBytes(uint64_t address, int64_t count, Accessor by) {
  if (Barrier *barrier = getBarrier(address, by))
    barrier->bytes += count;
}

void SharedMemory::endBulkCopy(const std::vector<uint64_t> &chunks, const uint8_t *from,
                               uint64_t address) {
  auto at = barriers.find(address);
  if (at == barriers.end())
    return fault.report(place(address) + " is no barrier");
  // What copies write needs no fence of proxies.
  int agent = at->second.copies;
  Clock &clock = clocks[agent];
  for (size_t i = 0; i < chunks.size(); ++i)
    endCopy(chunks[i], 16, {agent}, from + 16 * i);
  clock.fenced[agent] = clock.seen[agent];
  at->second.arrived.join(clock);
  ++clock.seen[agent];
  at->second.bytes -= 16 * chunks.size();
  endPhase(at->second);
}

bool SharedMemory::isOver(uint64_t address, int parity, Accessor by) {
  Barrier *barrier = getBarrier(address, by);
  return !barrier || static_cast<int>(barrier->phase & 1) != (parity & 1);
}

void SharedMemory::acquire(uint64_t address, int warp) {
  auto at = barriers.find(address);
  if (at == barriers.end())
    return;
  Clock &clock = clocks[warp];
  uint32_t own = clock.seen[warp];
  together[warp] = std::max(together[warp], at->second.over.seen[warp]);
  clock.join(at->second.over);
  clock.seen[warp] = own;
}

std::string SharedMemory::describeBarrier(uint64_t address) const {
  auto at = barriers.find(address);
  if (at == barriers.end())
    return "no barrier";
  const Barrier &barrier = at->second;
  return "the barrier at " + place(address) + ", where " +
         std::to_string(barrier.count - barrier.pending) + " of " + std::to_string(barrier.count) +
         " arrivals of phase " + std::to_string(barrier.phase) + " came, but for " +
         std::to_string(barrier.bytes) + " bytes of copies";
}

} // namespace winnow::gpu
