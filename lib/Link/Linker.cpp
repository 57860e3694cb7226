#include "Linker.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace llvm;

Expected<std::string> winnow::findLinkerDriver(StringRef requested) {
  if (!requested.empty()) {
    if (auto path = sys::findProgramByName(requested))
      return *path;
    return createStringError("expected '" + requested +
                             "' to be a program to link with, got none of that "
                             "name");
  }
  for (StringRef name : {"clang-22", "clang", "cc", "gcc"})
    if (auto path = sys::findProgramByName(name))
      return *path;
  return createStringError(
      "expected clang-22, clang, cc or gcc to link a shared library or an "
      "executable, got none; install one, or ask for the object or the static "
      "library only");
}

Error winnow::runLinkerDriver(StringRef driver,
                              ArrayRef<std::string> arguments) {
  SmallString<128> log;
  if (std::error_code code =
          sys::fs::createTemporaryFile("winnow-link", "log", log))
    return createStringError("cannot create a temporary file: " +
                             code.message());
  scope_exit removeLog([&] { sys::fs::remove(log); });
  SmallVector<StringRef> words = {driver};
  words.append(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {StringRef(), log.str(), log.str()};
  std::string message;
  int status = sys::ExecuteAndWait(driver, words, /*Env=*/std::nullopt,
                                   redirects, /*SecondsToWait=*/0,
                                   /*MemoryLimit=*/0, &message);
  if (status == 0)
    return Error::success();
  auto output = MemoryBuffer::getFile(log);
  StringRef said = output ? (*output)->getBuffer().trim() : StringRef();
  return createStringError(
      "'" + driver + "' could not link the model (status " + Twine(status) +
      ")" + (message.empty() ? "" : ": " + message) +
      (said.empty() ? "" : "; it said:\n") + said);
}
