#include "winnow/Driver/Driver.h"

#include "Arguments.h"

#include "winnow/Support/Version.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/StringSaver.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace llvm::opt;
using namespace winnow;

namespace {
#define OPTTABLE_STR_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_STR_TABLE_CODE
#define OPTTABLE_PREFIXES_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE
#define OPTTABLE_SUBCOMMAND_IDS_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_SUBCOMMAND_IDS_TABLE_CODE
#define OPTTABLE_SUBCOMMANDS_CODE
#include "Options.inc"
#undef OPTTABLE_SUBCOMMANDS_CODE

const opt::OptTable::Info kInfos[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};

class WinnowOptTable : public opt::GenericOptTable {
public:
  WinnowOptTable()
      : opt::GenericOptTable(OptionStrTable, OptionPrefixesTable, kInfos, /*IgnoreCase=*/false,
                             OptionSubCommands, OptionSubCommandIDsTable) {}
};
} // namespace

int winnow::reportUsage(const Twine &message) {
  errs() << "winnow: error: " << message << "; see winnow --help\n";
  return kExitUsage;
}

int winnow::runDriver(int argc, char **argv) {
  InitLLVM init(argc, argv);
  setBugReportMsg("winnow: internal error: this is a defect of winnow, please report it with the "
                  "command line and the reproducer file, if one was written\n");
  if (argc > 1 && StringRef(argv[1]) == "bench")
    return runBench(argc, argv);
  WinnowOptTable table;
  BumpPtrAllocator allocator;
  StringSaver saver(allocator);
  bool failed = false;
  opt::InputArgList args = table.parseArgs(argc, argv, OPT_UNKNOWN, saver, [&](StringRef message) {
    reportUsage(message);
    failed = true;
  });
  if (failed)
    return kExitUsage;

  // The first word that is no option is the subcommand.
  std::vector<std::string> positional = args.getAllArgValues(OPT_INPUT);
  std::string command = positional.empty() ? "" : positional.front();
  auto known = llvm::find_if(table.getSubCommands(),
                             [&](const auto &sub) { return command == sub.Name; });
  bool isKnown = known != table.getSubCommands().end();
  if (args.hasArg(OPT_help)) {
    table.printHelp(outs(), isKnown ? known->Usage : "winnow COMMAND [options]",
                    "compiles ONNX transformer models to native libraries",
                    /*ShowHidden=*/false, /*ShowAllAliases=*/false, opt::Visibility(),
                    isKnown ? command : "");
    return kExitSuccess;
  }
  if (args.hasArg(OPT_version)) {
    outs() << "winnow " << getVersionString() << "\n";
    return kExitSuccess;
  }
  if (command.empty())
    return reportUsage("expected a command: bench, calibrate, check, compile, probe or run");
  if (!isKnown)
    return reportUsage("expected the command bench, calibrate, check, compile, probe or run, got '" + command + "'");
  if (command == "bench")
    return reportUsage("expected bench to be the first word");
  for (const opt::Arg *arg : args)
    if (arg->getOption().getID() != OPT_INPUT && arg->getOption().getID() != OPT_UNKNOWN &&
        !arg->getOption().isRegisteredSC(command))
      return reportUsage("option '" + arg->getSpelling() + "' does not belong to winnow " + command);
  ArrayRef<std::string> rest = ArrayRef(positional).drop_front();
  if (command == "calibrate")
    return runCalibrate(args, rest);
  if (command == "check")
    return runCheck(args, rest);
  if (command == "probe")
    return runProbe(args, rest);
  return command == "compile" ? runCompile(args, rest) : runRun(args, rest);
}
