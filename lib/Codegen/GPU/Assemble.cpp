//===- Assemble.cpp - PTX to cubins by ptxas, where it is -----------------===//

#include "winnow/Codegen/GPU/Target.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace llvm;

namespace winnow::gpu {

std::string findAssembler() {
  if (ErrorOr<std::string> found = sys::findProgramByName("ptxas"))
    return *found;
  SmallVector<std::string> folders;
  for (StringRef variable : {"CUDA_HOME", "CUDA_PATH"})
    if (std::optional<std::string> home = sys::Process::GetEnv(variable))
      folders.push_back(*home + "/bin");
  folders.push_back("/usr/local/cuda/bin");
  for (StringRef folder : folders)
    if (ErrorOr<std::string> found = sys::findProgramByName("ptxas", {folder}))
      return *found;
  return "";
}

static std::string readAll(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

Expected<Assembled> assemble(StringRef assembler, StringRef ptx, const Chip &chip) {
  SmallString<128> source, target, log;
  for (auto [suffix, path] : {std::pair("ptx", &source), {"cubin", &target}, {"log", &log}})
    if (std::error_code code = sys::fs::createTemporaryFile("winnow", suffix, *path))
      return createStringError("cannot make a temporary file: " + code.message());
  FileRemover removers[] = {FileRemover(source), FileRemover(target), FileRemover(log)};
  {
    std::error_code code;
    raw_fd_ostream stream(source, code);
    if (code)
      return createStringError("cannot write '" + source.str() + "': " + code.message());
    stream << ptx;
  }
  std::string arch = ("-arch=" + chip.name).str();
  StringRef arguments[] = {assembler, arch, "-O3", "-v", source, "-o", target};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log), StringRef(log)};
  std::string error;
  int code = sys::ExecuteAndWait(assembler, arguments, std::nullopt, redirects, 0, 0, &error);
  Assembled result{readAll(target), readAll(log)};
  if (code != 0)
    return createStringError("ptxas does not assemble the kernels for " + chip.name + ": " +
                             (error.empty() ? result.log : error));
  return result;
}

} // namespace winnow::gpu
