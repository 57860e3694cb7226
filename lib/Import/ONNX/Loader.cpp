#include "Loader.h"
#include "Skeleton.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace winnow::import {

/// Protobuf messages cannot be larger, whatever the parser.
static constexpr int64_t kMaxFileSize = INT32_MAX;
/// Messages in messages; real models need about 10.
static constexpr int kMaxDepth = 100;

static bool parse(ArrayRef<char> bytes, onnx::ModelProto &model) {
  google::protobuf::LogSilencer silencer;
  google::protobuf::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t *>(bytes.data()), static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(kMaxFileSize);
  stream.SetRecursionLimit(kMaxDepth);
  return model.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

std::shared_ptr<LoadedModel> loadModel(StringRef path, std::string &error) {
  auto fail = [&](const Twine &message) {
    error = message.str();
    return nullptr;
  };
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  int fd = ::open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fail(Twine("cannot open the file: ") + std::strerror(errno));
  scope_exit close([&] { ::close(fd); });
  struct stat info;
  if (::fstat(fd, &info) != 0)
    return fail(Twine("cannot read the file: ") + std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail("expected a regular file");
  if (info.st_size == 0)
    return fail("expected an ONNX model, got an empty file");
  if (info.st_size > kMaxFileSize)
    return fail(formatv("expected a file of at most {0} bytes (protobuf's limit), got {1}; save the "
                        "weights as external data (onnx.save_model with save_as_external_data)",
                        kMaxFileSize, int64_t(info.st_size)).str());

  void *data = ::mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return fail(Twine("cannot map the file: ") + std::strerror(errno));
  auto model = std::make_shared<LoadedModel>();
  model->file = std::make_unique<MappedFile>(data, info.st_size);
  ArrayRef<char> bytes = model->file->getBytes();
  std::optional<Skeleton> skeleton = cutRawData(bytes);
  bool isParsed = parse(skeleton ? ArrayRef<char>(skeleton->bytes) : bytes, model->proto);
  const auto &initializers = model->proto.graph().initializer();
  if (skeleton && skeleton->rawData.size() != size_t(initializers.size())) {
    // Parsed otherwise than it was cut.
    skeleton.reset();
    isParsed = parse(bytes, model->proto);
  }
  if (!isParsed)
    return fail(formatv("not an ONNX model, truncated, or nested deeper than {0} messages "
                        "(protobuf could not parse it)", kMaxDepth).str());
  if (!model->proto.has_graph())
    return fail("expected a model with a graph, got none; is this an ONNX file?");
  if (std::string reason = checkLocations(model->proto); !reason.empty())
    return fail(reason);
  if (skeleton)
    for (auto [tensor, rawData] : zip_equal(initializers, skeleton->rawData))
      if (rawData)
        model->cut[&tensor] = *rawData;
  StringRef directory = sys::path::parent_path(path);
  model->files = ExternalData(directory.empty() ? "." : directory);
  return model;
}

} // namespace winnow::import
