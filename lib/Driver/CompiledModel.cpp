#include "CompiledModel.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <dlfcn.h>

using namespace llvm;

Error winnow::toError(winnow_status *status) {
  if (!status)
    return Error::success();
  Error error = createStringError(winnow_status_message(status));
  winnow_status_free(status);
  return error;
}

/// The model's name if the file is a compile's report, else empty.
static std::string readModelName(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return "";
  auto json = json::parse((*buffer)->getBuffer());
  if (!json) {
    consumeError(json.takeError());
    return "";
  }
  const json::Object *object = json->getAsObject();
  if (!object || object->getString("format") != "winnow-report")
    return "";
  return object->getString("name").value_or("").str();
}

/// The only model in a folder.
static Expected<std::string> findModelName(StringRef folder) {
  std::string found;
  std::error_code code;
  for (sys::fs::directory_iterator it(folder, code), end; it != end && !code;
       it.increment(code)) {
    if (sys::path::extension(it->path()) != ".json")
      continue;
    std::string name = readModelName(it->path());
    if (name.empty())
      continue;
    if (!found.empty())
      return createStringError("expected one model in '" + folder + "', got '" +
                               std::min(found, name) + "' and '" +
                               std::max(found, name) +
                               "'; give the path of one's .so");
    found = name;
  }
  if (code)
    return createStringError("cannot read folder '" + folder +
                             "': " + code.message());
  if (found.empty())
    return createStringError("expected '" + folder +
                             "' to hold a compiled model, got no report of "
                             "one; make it with winnow compile -o " +
                             folder);
  return found;
}

namespace {
struct Location {
  std::string folder, name, library;
};
} // namespace

static Expected<Location> locate(StringRef artifact) {
  Location location;
  if (!sys::fs::exists(artifact))
    return createStringError("cannot open '" + artifact +
                             "': no such file or folder");
  if (sys::fs::is_directory(artifact)) {
    auto name = findModelName(artifact);
    if (!name)
      return name.takeError();
    location = {artifact.str(), *name, *name + ".so"};
  } else if (sys::path::extension(artifact) == ".so") {
    location = {sys::path::parent_path(artifact).str(),
                sys::path::stem(artifact).str(),
                sys::path::filename(artifact).str()};
  } else {
    return createStringError("expected the folder of a compiled model or its "
                             ".so, got '" +
                             artifact + "'");
  }
  // A slash keeps dlopen from searching elsewhere.
  if (location.folder.empty())
    location.folder = ".";
  return location;
}

Expected<winnow::ModelPtr> winnow::openCompiledModel(StringRef artifact) {
  auto location = locate(artifact);
  if (!location)
    return location.takeError();
  SmallString<256> library(location->folder), weights(location->folder);
  sys::path::append(library, location->library);
  sys::path::append(weights, location->name + ".weights");
  if (!sys::fs::exists(library))
    return createStringError("expected the shared library '" + library +
                             "', got no file; compile with --emit=shared");
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return createStringError(Twine("cannot load the model: ") + dlerror());
  std::string symbol = location->name + "_model";
  auto *desc =
      static_cast<const winnow_model_desc *>(dlsym(handle, symbol.c_str()));
  if (!desc)
    return createStringError("expected '" + library + "' to export '" + symbol +
                             "', got no such symbol; a library keeps the name "
                             "that it was compiled with");
  winnow_model_options options = WINNOW_MODEL_OPTIONS_INIT;
  options.weights_path = weights.c_str();
  winnow_model *model = nullptr;
  if (Error error = toError(winnow_model_open(desc, &options, &model)))
    return std::move(error);
  return ModelPtr(model);
}
