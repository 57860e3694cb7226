#include "Loader.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace winnow::import {

/// Protobuf messages cannot be larger, whatever the parser.
static constexpr int64_t kMaxFileSize = INT32_MAX;
/// Messages in messages; real models need about 10.
static constexpr int kMaxDepth = 100;

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

  auto model = std::make_shared<LoadedModel>();
  google::protobuf::LogSilencer silencer;
  google::protobuf::io::FileInputStream file(fd, /*block_size=*/1 << 18);
  google::protobuf::io::CodedInputStream stream(&file);
  stream.SetTotalBytesLimit(kMaxFileSize);
  stream.SetRecursionLimit(kMaxDepth);
  if (!model->proto.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    return fail(formatv("not an ONNX model, truncated, or nested deeper than {0} messages "
                        "(protobuf could not parse it)", kMaxDepth).str());
  if (!model->proto.has_graph())
    return fail("expected a model with a graph, got none; is this an ONNX file?");
  StringRef directory = sys::path::parent_path(path);
  model->files = ExternalData(directory.empty() ? "." : directory);
  return model;
}

} // namespace winnow::import
