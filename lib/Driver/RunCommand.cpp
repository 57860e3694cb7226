#include "Arguments.h"

#include "winnow/Driver/Driver.h"
#include "winnow/Driver/Run.h"

#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

/// A positive number of an option, or its default.
static bool parseCount(const opt::InputArgList &args, OptionID id, int &value) {
  const opt::Arg *arg = args.getLastArg(id);
  return !arg || (!StringRef(arg->getValue()).getAsInteger(10, value) && value > 0);
}

int winnow::runRun(const opt::InputArgList &args, ArrayRef<std::string> positional) {
  if (positional.size() != 1)
    return reportUsage("expected one compiled model, got " + Twine(positional.size()));
  RunOptions options;
  options.artifact = positional.front();
  options.inputsFile = args.getLastArgValue(OPT_inputs).str();
  options.outputsFile = args.getLastArgValue(OPT_outputs).str();
  options.inputs = args.getAllArgValues(OPT_input);
  options.outputs = args.getAllArgValues(OPT_output);
  if (!parseCount(args, OPT_threads, options.threads))
    return reportUsage("expected --threads to be a positive number, got '" +
                       args.getLastArgValue(OPT_threads) + "'");
  if (!parseCount(args, OPT_repeat, options.repeat))
    return reportUsage("expected --repeat to be a positive number, got '" +
                       args.getLastArgValue(OPT_repeat) + "'");
  StringRef trace = args.getLastArgValue(OPT_trace);
  bool counts = args.hasArg(OPT_stats);
  options.profile = args.hasArg(OPT_profile) || counts || !trace.empty();
  Expected<RunResult> result = runModel(options);
  if (!result) {
    errs() << "winnow: error: " << toString(result.takeError()) << "\n";
    return kExitFailure;
  }
  if (args.hasArg(OPT_repeat))
    outs() << format("median of %d runs: %.3f ms on %d threads, with code for %s\n", options.repeat,
                     result->median(), result->threads, result->cpuLevel.c_str());
  if (args.hasArg(OPT_profile))
    printProfile(outs(), result->profile);
  if (counts)
    printDensities(outs(), result->profile);
  if (!trace.empty())
    if (Error error = writeTrace(trace, result->profile)) {
      errs() << "winnow: error: " << toString(std::move(error)) << "\n";
      return kExitFailure;
    }
  return kExitSuccess;
}
