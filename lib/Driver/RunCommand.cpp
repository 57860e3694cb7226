#include "Arguments.h"

#include "winnow/Driver/Driver.h"
#include "winnow/Driver/Run.h"

#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

int winnow::runRun(const opt::InputArgList &args, ArrayRef<std::string> positional) {
  return reportUsage("not wired up yet");
}
