#include "winnow/Driver/Probe.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace llvm;
using namespace winnow;
using std::chrono::steady_clock;

namespace {

/// Does a fixed amount of work.
using Step = function_ref<void(int thread)>;

double getThreadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

/// Runs `step`, which does `amount` of something, on all threads at once for
/// some time.
ProbeRate measure(int threads, std::chrono::milliseconds time, double amount, Step step) {
  SmallVector<ProbeRate> rates(threads);
  std::atomic<int> waiting = threads;
  auto work = [&](int thread) {
    // Wakes the vector units, the clock and the pages.
    step(thread);
    --waiting;
    while (waiting > 0)
      std::this_thread::yield();
    double cpuBegin = getThreadSeconds(), steps = 0;
    auto begin = steady_clock::now(), end = begin;
    do {
      step(thread);
      ++steps;
      end = steady_clock::now();
    } while (end - begin < time);
    std::chrono::duration<double> wall = end - begin;
    rates[thread] = {steps * amount / wall.count(),
                     steps * amount / (getThreadSeconds() - cpuBegin)};
  };
  SmallVector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back(work, i);
  work(0);
  for (std::thread &other : others)
    other.join();
  ProbeRate sum;
  for (const ProbeRate &rate : rates) {
    sum.wall += rate.wall;
    sum.cpu += rate.cpu;
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// Fused multiply-adds
//===----------------------------------------------------------------------===//

constexpr int64_t kRounds = 1 << 16;

struct Chains {
  StringRef isa;
  void (*run)(int64_t rounds);
  int64_t flopsOfRound;
};

// A latency of 4 and two units need 8 chains; 12 fit into the 16 registers of SSE
// and AVX2 beside the operands, 24 into the 32 of AVX-512. In assembly, so that no
// compiler spills them. The registers hold zeros, which are as slow as others.
#if defined(__x86_64__)
#define WINNOW_TWELVE(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11)
#define WINNOW_NEXT_TWELVE(M)                                                                      \
  M(12) M(13) M(14) M(15) M(16) M(17) M(18) M(19) M(20) M(21) M(22) M(23)
#define WINNOW_ZERO(n) "xorps %%xmm" #n ", %%xmm" #n "\n"
#define WINNOW_VZERO(n) "vxorps %%ymm" #n ", %%ymm" #n ", %%ymm" #n "\n"
#define WINNOW_ZZERO(n) "vpxord %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n"
// Without FMA the sum and the product are two instructions; adds stand for both.
#define WINNOW_SSE(n) "addps %%xmm12, %%xmm" #n "\n"
#define WINNOW_AVX2(n) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #n "\n"
#define WINNOW_AVX512(n) "vfmadd231ps %%zmm30, %%zmm31, %%zmm" #n "\n"
#define WINNOW_LOOP(body) "1:\n" body "dec %0\njnz 1b\n"
#define WINNOW_CLOBBERS                                                                            \
  "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",   \
      "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

void runSSE(int64_t rounds) {
  asm volatile(WINNOW_TWELVE(WINNOW_ZERO) WINNOW_ZERO(12) WINNOW_LOOP(WINNOW_TWELVE(WINNOW_SSE))
               : "+r"(rounds)::WINNOW_CLOBBERS);
}

void runAVX2(int64_t rounds) {
  asm volatile(WINNOW_TWELVE(WINNOW_VZERO) WINNOW_VZERO(12) WINNOW_VZERO(13)
                   WINNOW_LOOP(WINNOW_TWELVE(WINNOW_AVX2)) "vzeroupper\n"
               : "+r"(rounds)::WINNOW_CLOBBERS);
}

// Registers from 16 on are nobody's where this file is compiled for less.
void runAVX512(int64_t rounds) {
  asm volatile(
      WINNOW_TWELVE(WINNOW_ZZERO) WINNOW_NEXT_TWELVE(WINNOW_ZZERO) WINNOW_ZZERO(30) WINNOW_ZZERO(31)
          WINNOW_LOOP(WINNOW_TWELVE(WINNOW_AVX512) WINNOW_NEXT_TWELVE(WINNOW_AVX512)) "vzeroupper\n"
      : "+r"(rounds)::WINNOW_CLOBBERS);
}
#endif

ArrayRef<Chains> getChains() {
#if defined(__x86_64__)
  static const Chains all[] = {
      {"avx512", runAVX512, 24 * 16 * 2}, {"avx2", runAVX2, 12 * 8 * 2}, {"sse", runSSE, 12 * 4}};
  return all;
#else
  return {};
#endif
}

const Chains *findChains(StringRef isa) {
  for (const Chains &chains : getChains())
    if (chains.isa == isa)
      return &chains;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Reading memory
//===----------------------------------------------------------------------===//

using Word __attribute__((vector_size(16))) = uint64_t;

/// How far ahead a line is fetched, which reads a fifth faster than the hardware
/// does by itself on Zen 5.
constexpr int kFetchAhead = 8192;

uint64_t sumWords(const Word *begin, const Word *end) {
  // No array of sums: it may end up in memory, whose latency would be measured.
  Word a = {}, b = {}, c = {}, d = {};
  for (; begin + 4 <= end; begin += 4) {
    __builtin_prefetch(reinterpret_cast<const char *>(begin) + kFetchAhead);
    a += begin[0];
    b += begin[1];
    c += begin[2];
    d += begin[3];
  }
  Word sum = a + b + c + d;
  return sum[0] + sum[1];
}

struct Free {
  void operator()(Word *words) const { std::free(words); }
};
using Words = std::unique_ptr<Word[], Free>;

/// In huge pages where the system has them, as the weights of a model: small ones
/// would be measured with their page table.
Words makeWords(size_t count) {
  constexpr size_t kPage = 2 << 20;
  size_t bytes = alignTo(count * sizeof(Word), kPage);
  Words words(static_cast<Word *>(std::aligned_alloc(kPage, bytes)));
  if (!words)
    report_bad_alloc_error("no memory to measure");
#ifdef MADV_HUGEPAGE
  madvise(words.get(), bytes, MADV_HUGEPAGE);
#endif
  std::fill_n(words.get(), count, Word{1, 1});
  return words;
}

} // namespace

StringRef winnow::getProbeISA() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return "avx512";
  return __builtin_cpu_supports("fma") ? "avx2" : "sse";
#else
  return "";
#endif
}

ProbeRate winnow::probeFMA(int threads, std::chrono::milliseconds time) {
  const Chains *chains = findChains(getProbeISA());
  if (!chains)
    return {};
  return measure(threads, time, double(kRounds) * chains->flopsOfRound,
                 [&](int) { chains->run(kRounds); });
}

static std::string readLine(const Twine &path) {
  auto file = MemoryBuffer::getFileAsStream(path);
  return file ? (*file)->getBuffer().trim().str() : std::string();
}

/// The bytes of all last caches together.
static size_t getCacheBytes() {
  StringMap<size_t> sizes; // by the CPUs that share one
  for (unsigned cpu = 0, end = sysconf(_SC_NPROCESSORS_CONF); cpu < end; ++cpu) {
    std::string folder = ("/sys/devices/system/cpu/cpu" + Twine(cpu) + "/cache/index3/").str();
    size_t kibibytes = 0;
    if (!StringRef(readLine(folder + "size")).consumeInteger(10, kibibytes))
      sizes[readLine(folder + "shared_cpu_list")] = kibibytes << 10;
  }
  size_t sum = 0;
  for (const auto &size : sizes)
    sum += size.second;
  return sum;
}

size_t winnow::getProbeBytes() {
  size_t cache = getCacheBytes();
  size_t memory = size_t(sysconf(_SC_PHYS_PAGES)) * size_t(sysconf(_SC_PAGE_SIZE));
  return std::min(std::max<size_t>(8 * cache, 256 << 20), memory / 8);
}

ProbeRate winnow::probeBandwidth(int threads, std::chrono::milliseconds time) {
  // A step reads a piece, so that a short time suffices.
  constexpr size_t kPiece = (4 << 20) / sizeof(Word);
  size_t count = std::max(getProbeBytes() / threads / sizeof(Word), kPiece);
  SmallVector<Words> parts(threads);
  SmallVector<size_t> places(threads, 0);
  return measure(threads, time, kPiece * sizeof(Word), [&](int thread) {
    Words &part = parts[thread];
    if (!part)
      part = makeWords(count); // by the thread that reads it
    size_t &place = places[thread];
    [[maybe_unused]] volatile uint64_t sum = sumWords(&part[place], &part[place] + kPiece);
    place = place + 2 * kPiece <= count ? place + kPiece : 0;
  });
}
