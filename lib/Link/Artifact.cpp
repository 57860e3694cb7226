#include "winnow/Link/Artifact.h"
#include "Linker.h"
#include "winnow/Link/Weights.h"
#include "winnow/Support/OutputFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

StringRef winnow::getExtension(ArtifactKind kind) {
  switch (kind) {
  case ArtifactKind::Object:
    return ".o";
  case ArtifactKind::StaticLibrary:
    return ".a";
  case ArtifactKind::SharedLibrary:
    return ".so";
  case ArtifactKind::Executable:
    return "";
  }
  return "";
}

Expected<std::string> winnow::findRuntimeDirectory() {
  constexpr StringRef library = "libwinnow_rt.a";
  SmallString<256> path;
  if (auto folder = sys::Process::GetEnv("WINNOW_RUNTIME_DIR")) {
    path = *folder;
  } else {
    static int anchor;
    path = sys::path::parent_path(
        sys::path::parent_path(sys::fs::getMainExecutable(nullptr, &anchor)));
    sys::path::append(path, "lib");
  }
  SmallString<256> file = path;
  sys::path::append(file, library);
  if (!sys::fs::exists(file))
    return createStringError("expected the runtime at '" + file +
                             "', got no file; set WINNOW_RUNTIME_DIR to the "
                             "folder of " +
                             library);
  return path.str().str();
}

namespace {

class ArtifactWriter {
public:
  ArtifactWriter(MemoryBufferRef object, const ArtifactOptions &options)
      : object(object), options(options) {}

  Expected<std::vector<ArtifactFile>> writeAll();

private:
  Error prepare();
  Error write(ArtifactKind kind);
  Error writeObject();
  Error writeStaticLibrary();
  Error link(ArtifactKind kind);

  std::string path(StringRef extension) const {
    SmallString<256> result(options.directory);
    sys::path::append(result, options.name + extension);
    return result.str().str();
  }
  std::string runtimeFile(StringRef name) const {
    SmallString<256> result(runtimeDirectory);
    sys::path::append(result, name);
    return result.str().str();
  }
  bool embeds() const { return !options.embeddedWeightsPath.empty(); }
  std::string weightsObject() const { return path("_weights.o"); }

  MemoryBufferRef object;
  const ArtifactOptions &options;
  std::string runtimeDirectory, driver;
};

} // namespace

/// What a kind needs is looked for before anything is written.
Error ArtifactWriter::prepare() {
  bool needsRuntime = false, needsLinker = false;
  for (ArtifactKind kind : options.kinds) {
    needsRuntime |= kind != ArtifactKind::Object;
    needsLinker |=
        kind == ArtifactKind::SharedLibrary || kind == ArtifactKind::Executable;
  }
  runtimeDirectory = options.runtimeDirectory;
  if (needsRuntime && runtimeDirectory.empty()) {
    auto found = findRuntimeDirectory();
    if (!found)
      return found.takeError();
    runtimeDirectory = *found;
  }
  if (needsLinker) {
    auto found = findLinkerDriver(options.linker);
    if (!found)
      return found.takeError();
    driver = *found;
  }
  return Error::success();
}

Error ArtifactWriter::writeObject() {
  return writeOutputFile(path(".o"), [&](raw_ostream &os) {
    os << object.getBuffer();
    return Error::success();
  });
}

/// The model's object, then its weights if embedded, then the runtime's.
Error ArtifactWriter::writeStaticLibrary() {
  std::vector<NewArchiveMember> members;
  std::string objectName = options.name + ".o";
  members.emplace_back(MemoryBufferRef(object.getBuffer(), objectName));

  std::unique_ptr<MemoryBuffer> weights;
  std::string weightsName = options.name + "_weights.o";
  if (embeds()) {
    auto buffer = MemoryBuffer::getFile(weightsObject(), /*IsText=*/false,
                                        /*RequiresNullTerminator=*/false);
    if (!buffer)
      return errorCodeToError(buffer.getError());
    weights = std::move(*buffer);
    members.emplace_back(MemoryBufferRef(weights->getBuffer(), weightsName));
  }

  std::string runtimePath = runtimeFile("libwinnow_rt.a");
  auto buffer = MemoryBuffer::getFile(runtimePath, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot read '" + runtimePath +
                             "': " + buffer.getError().message());
  auto runtime = object::Archive::create((*buffer)->getMemBufferRef());
  if (!runtime)
    return runtime.takeError();
  Error error = Error::success();
  for (const object::Archive::Child &child : (*runtime)->children(error)) {
    auto member = NewArchiveMember::getOldMember(child, /*Deterministic=*/true);
    if (!member) {
      consumeError(std::move(error));
      return member.takeError();
    }
    members.push_back(std::move(*member));
  }
  if (error)
    return error;
  return writeArchive(path(".a"), members, SymtabWritingMode::NormalSymtab,
                      object::Archive::K_GNU, /*Deterministic=*/true,
                      /*Thin=*/false);
}

Error ArtifactWriter::link(ArtifactKind kind) {
  bool isShared = kind == ArtifactKind::SharedLibrary;
  SmallString<128> input;
  int file;
  if (std::error_code code =
          sys::fs::createTemporaryFile("winnow-model", "o", file, input))
    return createStringError("cannot create a temporary file: " +
                             code.message());
  scope_exit removeInput([&] { sys::fs::remove(input); });
  {
    raw_fd_ostream os(file, /*shouldClose=*/true);
    os << object.getBuffer();
    os.close();
    if (os.has_error()) {
      std::error_code code = os.error();
      os.clear_error();
      return createStringError("cannot write '" + input +
                               "': " + code.message());
    }
  }
  // Linked beside its place and renamed, so that a library that is in use, or
  // a failure half-way, does no harm.
  std::string output = path(getExtension(kind)), unfinished = output + ".tmp";
  std::vector<std::string> arguments = {"-Wl,--as-needed", "-o", unfinished,
                                        input.str().str()};
  if (embeds())
    arguments.push_back(weightsObject());
  std::string runtime = runtimeFile("libwinnow_rt.a");
  if (isShared)
    // The whole runtime: the library exports its interface. Calls stay within
    // the library also when the process has other copies.
    arguments.insert(arguments.end(),
                     {"-shared", "-Wl,--whole-archive", runtime,
                      "-Wl,--no-whole-archive", "-Wl,-Bsymbolic", "-Wl,-z,defs",
                      "-Wl,-soname," + options.name + ".so"});
  else
    arguments.insert(
        arguments.end(),
        {"-Wl,--defsym=winnow_cli_model=" + options.name + "_model",
         runtimeFile("libwinnow_cli.a"), runtime, "-pie"});
  arguments.insert(arguments.end(),
                   {"-pthread", "-lm", "-Wl,--build-id=sha1", "-Wl,-z,relro",
                    "-Wl,-z,now", "-Wl,-z,noexecstack"});
  Error error = runLinkerDriver(driver, arguments);
  if (!error)
    error = errorCodeToError(sys::fs::rename(unfinished, output));
  if (error)
    sys::fs::remove(unfinished);
  return error;
}

Error ArtifactWriter::write(ArtifactKind kind) {
  switch (kind) {
  case ArtifactKind::Object:
    return writeObject();
  case ArtifactKind::StaticLibrary:
    return writeStaticLibrary();
  case ArtifactKind::SharedLibrary:
  case ArtifactKind::Executable:
    return link(kind);
  }
  return Error::success();
}

Expected<std::vector<ArtifactFile>> ArtifactWriter::writeAll() {
  if (Error error = prepare())
    return std::move(error);
  if (embeds())
    if (Error error =
            writeWeightsObject(options.embeddedWeightsPath, weightsObject(),
                               options.name, options.triple))
      return std::move(error);
  // Who asked for an object links it, and then also the weights' object.
  bool keepsWeightsObject = false;
  std::vector<std::string> extensions;
  for (ArtifactKind kind : options.kinds) {
    if (Error error = write(kind))
      return std::move(error);
    extensions.push_back(getExtension(kind).str());
    keepsWeightsObject |= kind == ArtifactKind::Object;
  }
  if (embeds() && keepsWeightsObject)
    extensions.push_back("_weights.o");
  else if (embeds())
    sys::fs::remove(weightsObject());

  std::vector<ArtifactFile> files;
  for (const std::string &extension : extensions) {
    uint64_t bytes = 0;
    if (std::error_code code = sys::fs::file_size(path(extension), bytes))
      return createStringError("cannot read the size of '" + path(extension) +
                               "': " + code.message());
    files.push_back({options.name + extension, static_cast<int64_t>(bytes)});
  }
  return files;
}

Expected<std::vector<ArtifactFile>>
winnow::writeArtifacts(MemoryBufferRef object, const ArtifactOptions &options) {
  return ArtifactWriter(object, options).writeAll();
}
