#include "winnow/Support/OutputFile.h"

#include "llvm/Support/FileSystem.h"

using namespace llvm;

/// Fills the file; the stream never ends with an error that no one has seen,
/// which LLVM takes for a defect.
static Error fill(int descriptor, function_ref<Error(raw_ostream &)> write) {
  raw_fd_ostream os(descriptor, /*shouldClose=*/false);
  Error error = write(os);
  os.flush();
  if (os.has_error()) {
    std::error_code code = os.error();
    os.clear_error();
    if (!error)
      error = errorCodeToError(code);
  }
  return error;
}

/// Devices and pipes, such as /dev/stdout, are written to and not replaced.
static Error writeInPlace(StringRef path,
                          function_ref<Error(raw_ostream &)> write) {
  int descriptor;
  if (std::error_code code =
          sys::fs::openFileForWrite(path, descriptor, sys::fs::CD_OpenExisting))
    return errorCodeToError(code);
  Error error = fill(descriptor, write);
  sys::fs::file_t file = sys::fs::convertFDToNativeFile(descriptor);
  if (std::error_code code = sys::fs::closeFile(file))
    error = joinErrors(std::move(error), errorCodeToError(code));
  return error;
}

static Error replace(StringRef path, function_ref<Error(raw_ostream &)> write) {
  auto file = sys::fs::TempFile::create(path + ".%%%%%%.tmp",
                                        sys::fs::all_read | sys::fs::all_write);
  if (!file)
    return file.takeError();
  if (Error error = fill(file->FD, write)) {
    consumeError(file->discard());
    return error;
  }
  return file->keep(path);
}

Error winnow::writeOutputFile(StringRef path,
                              function_ref<Error(raw_ostream &)> write) {
  bool isSpecial = sys::fs::exists(path) && !sys::fs::is_regular_file(path);
  Error error = isSpecial ? writeInPlace(path, write) : replace(path, write);
  if (!error)
    return Error::success();
  return createStringError("cannot write '" + path +
                           "': " + toString(std::move(error)));
}
