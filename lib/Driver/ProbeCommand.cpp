#include "Arguments.h"

#include "winnow/Driver/Driver.h"
#include "winnow/Driver/Probe.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <thread>

using namespace llvm;
using namespace winnow;

int winnow::runProbe(const opt::InputArgList &args, ArrayRef<std::string> positional) {
  if (!positional.empty())
    return reportUsage("expected no arguments, got '" + positional.front() + "'");
  int threads = std::max(1u, std::thread::hardware_concurrency()), milliseconds = 50;
  for (auto [id, value] : {std::pair(OPT_threads, &threads), {OPT_milliseconds, &milliseconds}})
    if (const opt::Arg *arg = args.getLastArg(id);
        arg &&
        (StringRef(arg->getValue()).getAsInteger(10, *value) || *value < 1 || *value > 100000))
      return reportUsage("expected " + arg->getSpelling() +
                         " to be a number from 1 to 100000, got '" + arg->getValue() + "'");
  std::chrono::milliseconds time(milliseconds);
  json::OStream os(outs());
  auto write = [&](const char *name, ProbeRate rate) {
    os.attributeObject(name, [&] {
      os.attribute("wall", rate.wall);
      os.attribute("cpu", rate.cpu);
    });
  };
  os.object([&] {
    os.attribute("threads", threads);
    os.attribute("isa", getProbeISA());
    write("fma", probeFMA(threads, time));
    write("read", probeBandwidth(threads, time));
    os.attribute("read_bytes", int64_t(getProbeBytes()));
  });
  outs() << "\n";
  return kExitSuccess;
}
