#include "Arguments.h"

#include "winnow/Driver/Driver.h"
#include "winnow/Driver/Run.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

/// False when the option is there and not a number of at least `least`.
static bool parseNumber(const opt::InputArgList &args, OptionID id, int least,
                        int &value) {
  const opt::Arg *arg = args.getLastArg(id);
  return !arg || (!StringRef(arg->getValue()).getAsInteger(10, value) &&
                  value >= least);
}

int winnow::runRun(const opt::InputArgList &args,
                   ArrayRef<std::string> positional) {
  if (positional.size() != 1)
    return reportUsage("expected one compiled model, got " +
                       Twine(positional.size()));
  RunOptions options;
  options.artifact = positional.front();
  options.inputsFile = args.getLastArgValue(OPT_inputs).str();
  options.outputsFile = args.getLastArgValue(OPT_outputs).str();
  options.inputs = args.getAllArgValues(OPT_input);
  options.outputs = args.getAllArgValues(OPT_output);
  if (!parseNumber(args, OPT_threads, 0, options.threads))
    return reportUsage("expected --threads to be a number, 0 for all cores, "
                       "got '" + args.getLastArgValue(OPT_threads) + "'");
  if (!parseNumber(args, OPT_repeat, 1, options.repeat))
    return reportUsage("expected --repeat to be a number of at least 1, got '" +
                       args.getLastArgValue(OPT_repeat) + "'");
  auto result = runModel(options);
  if (!result) {
    errs() << "winnow: error: " << toString(result.takeError()) << "\n";
    return kExitFailure;
  }
  if (args.hasArg(OPT_repeat))
    outs() << "median of " << result->milliseconds.size() << " runs on "
           << result->threads << (result->threads == 1 ? " thread: " : " threads: ")
           << format("%.3f", result->median()) << " ms\n";
  return kExitSuccess;
}
