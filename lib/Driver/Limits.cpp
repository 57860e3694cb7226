#include "Arguments.h"

#include "winnow/Driver/Driver.h"

#include "llvm/Support/Compiler.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <new>
#include <sys/resource.h>
#include <unistd.h>

using namespace llvm;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Made beforehand: there is no memory when it is needed.
static std::string &getMessage() {
  static std::string message;
  return message;
}

[[noreturn]] static void reportOutOfMemory() {
  const std::string &message = getMessage();
  if (::write(STDERR_FILENO, message.data(), message.size()) < 0) {
    // There is no one left to tell.
  }
  // Files that are half written go.
  sys::RunInterruptHandlers();
  ::_exit(kExitFailure);
}

static uint64_t getPhysicalMemory() {
  long pages = ::sysconf(_SC_PHYS_PAGES), pageSize = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && pageSize > 0 ? uint64_t(pages) * uint64_t(pageSize) : UINT64_MAX;
}

/// Mapped files do not count: weights are free until they are copied.
static void limitMemory(uint64_t bytes) {
  getMessage() = "winnow: error: the limit of " + std::to_string(bytes) +
                 " bytes of memory is reached; allow more with --max-memory\n";
  std::set_new_handler(reportOutOfMemory);
  install_bad_alloc_error_handler([](void *, const char *, bool) { reportOutOfMemory(); });
  // Not for sanitizers, which reserve terabytes.
#if !LLVM_ADDRESS_SANITIZER_BUILD
  struct rlimit limit;
  if (::getrlimit(RLIMIT_DATA, &limit) == 0 && bytes < limit.rlim_cur) {
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_DATA, &limit);
  }
#endif
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// A number of bytes; K, M and G stand for powers of 1024.
static bool parseBytes(StringRef text, int64_t &bytes) {
  size_t power = text.empty() ? StringRef::npos : StringRef("KMG").find(text.back());
  int shift = power == StringRef::npos ? 0 : 10 * (int(power) + 1);
  if (shift)
    text = text.drop_back();
  int64_t number;
  if (text.getAsInteger(10, number) || number < 1 || number > INT64_MAX >> shift)
    return false;
  bytes = number << shift;
  return true;
}

int winnow::parseImportOptions(const opt::InputArgList &args, ImportOptions &options) {
  for (const std::string &text : args.getAllArgValues(OPT_dim)) {
    ImportOptions::DimOverride dim;
    if (!parseDim(text, dim))
      return reportUsage("expected --dim NAME=N or NAME=A..B, got '" + text + "'");
    options.dims.push_back(dim);
  }
  if (const opt::Arg *arg = args.getLastArg(OPT_max_nodes))
    if (StringRef(arg->getValue()).getAsInteger(10, options.maxNodes) || options.maxNodes < 1)
      return reportUsage("expected --max-nodes to be a positive number, got '" +
                         Twine(arg->getValue()) + "'");
  int64_t memory = 0;
  for (auto [option, bytes] : {std::pair(OPT_max_constant_fold_bytes, &options.maxConstantFoldBytes),
                               std::pair(OPT_max_memory, &memory)})
    if (const opt::Arg *arg = args.getLastArg(option))
      if (!parseBytes(arg->getValue(), *bytes))
        return reportUsage("expected " + arg->getSpelling() +
                           " to be a number of bytes, such as 512M, got '" +
                           Twine(arg->getValue()) + "'");
  limitMemory(memory ? uint64_t(memory) : getPhysicalMemory());
  return kExitSuccess;
}
