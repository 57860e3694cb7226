#include "ExternalData.h"
#include "winnow/Support/Quote.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace llvm;

namespace winnow::import {

MappedFile::~MappedFile() {
  if (size)
    ::munmap(data, size);
}

static constexpr StringLiteral kOnlyPlainPaths =
    ": only plain relative paths below the model's folder are read";

/// Why the location is refused by its text alone, or empty.
static StringRef checkLocation(StringRef location) {
  if (location.empty())
    return "is empty";
  if (location.contains('\0'))
    return "contains a NUL";
  if (location.contains('\\'))
    return "contains a backslash";
  if (location.starts_with("/"))
    return "is absolute";
  SmallVector<StringRef> parts;
  location.split(parts, '/');
  if (is_contained(parts, ".."))
    return "contains '..'";
  if (is_contained(parts, ""))
    return "has an empty component";
  return "";
}

static std::string describeLocation(StringRef location) {
  return "external data " + quote(location) + " ";
}

/// Opens one component after the other without following links: what openat2
/// does, for kernels before 5.6 and sandboxes that forbid it.
static int openStepwise(int directory, StringRef location) {
  int current = ::dup(directory);
  while (current >= 0) {
    auto [part, rest] = location.split('/');
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (rest.empty() ? 0 : O_DIRECTORY);
    int next = ::openat(current, part.str().c_str(), flags);
    int saved = errno;
    ::close(current);
    errno = saved;
    if (rest.empty())
      return next;
    current = next;
    location = rest;
  }
  return current;
}

static int openBeneath(int directory, StringRef location) {
  struct open_how how;
  std::memset(&how, 0, sizeof(how));
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  std::string path = location.str();
  int fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof(how));
  if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL))
    return openStepwise(directory, location);
  return fd;
}

MappedFile *ExternalData::map(StringRef location, std::string &error) {
  auto it = files.find(location);
  if (it != files.end())
    return it->second.get();
  auto fail = [&](const Twine &message) {
    error = describeLocation(location) + message.str();
    return nullptr;
  };
  if (StringRef reason = checkLocation(location); !reason.empty())
    return fail(reason + kOnlyPlainPaths);
  int root = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    return fail(Twine("cannot be opened: ") + std::strerror(errno));
  scope_exit closeRoot([&] { ::close(root); });
  int fd = openBeneath(root, location);
  if (fd < 0) {
    if (errno == ELOOP || errno == EXDEV || errno == ENOTDIR)
      return fail("passes a symbolic link or leaves the model's folder");
    return fail(Twine("cannot be opened: ") + std::strerror(errno));
  }
  scope_exit close([&] { ::close(fd); });
  struct stat info;
  if (::fstat(fd, &info) != 0)
    return fail(Twine("cannot be read: ") + std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail("is not a regular file");
  if (info.st_nlink != 1)
    return fail(formatv("is a hard link, expected a file of one name, got {0} names",
                        uint64_t(info.st_nlink)).str());
  void *data = nullptr;
  if (info.st_size > 0) {
    data = ::mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
      return fail(Twine("cannot be mapped: ") + std::strerror(errno));
  }
  auto file = std::make_unique<MappedFile>(data, info.st_size);
  return files.try_emplace(location, std::move(file)).first->second.get();
}

std::optional<ArrayRef<char>> ExternalData::resolve(const onnx::TensorProto &tensor,
                                                    uint64_t expectedSize, std::string &error) {
  std::optional<std::string> location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  auto fail = [&](const Twine &message) {
    error = message.str();
    return std::nullopt;
  };
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    StringRef key = entry.key(), value = entry.value();
    uint64_t number = 0;
    if (key == "location") {
      if (location)
        return fail("external data has two locations");
      location = value.str();
    } else if (key == "offset" || key == "length") {
      if (value.getAsInteger(10, number))
        return fail("expected external data's " + key + " to be a non-negative number, got " +
                    quote(value));
      if (key == "offset")
        offset = number;
      else
        length = number;
    } else if (key != "checksum") {
      return fail("external data has the unknown key " + quote(key));
    }
  }
  if (!location)
    return fail("external data has no location");
  MappedFile *file = map(*location, error);
  if (!file)
    return std::nullopt;
  uint64_t size = file->getBytes().size();
  if (offset > size || length.value_or(0) > size - offset)
    return fail(formatv("external data {0} ends at byte {1}, expected {2} bytes from {3}",
                        quote(*location), size, length.value_or(expectedSize), offset).str());
  // Without a length, the data reaches to the end of the file.
  uint64_t actual = length.value_or(size - offset);
  if (actual != expectedSize)
    return fail(formatv("expected {0} bytes of external data for the tensor's type, got {1}",
                        expectedSize, actual).str());
  return file->getBytes().slice(offset, actual);
}

//===----------------------------------------------------------------------===//
// All locations of a model
//===----------------------------------------------------------------------===//

namespace {
/// Visits every tensor that a model can hold, until one is refused. Messages are
/// not nested deeper than the parser allows.
struct LocationChecker {
  std::string error;

  bool check(const onnx::TensorProto &tensor) {
    for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
      StringRef reason = entry.key() == "location" ? checkLocation(entry.value()) : "";
      if (reason.empty())
        continue;
      error = describeLocation(entry.value()) + reason.str() + kOnlyPlainPaths.str();
      return false;
    }
    return true;
  }
  bool check(const onnx::SparseTensorProto &tensor) {
    return check(tensor.values()) && check(tensor.indices());
  }
  bool check(const onnx::AttributeProto &attr) {
    return check(attr.t()) && check(attr.sparse_tensor()) && check(attr.g()) &&
           checkAll(attr.tensors()) && checkAll(attr.sparse_tensors()) && checkAll(attr.graphs());
  }
  bool check(const onnx::NodeProto &node) { return checkAll(node.attribute()); }
  bool check(const onnx::GraphProto &graph) {
    return checkAll(graph.initializer()) && checkAll(graph.sparse_initializer()) &&
           checkAll(graph.node());
  }
  bool check(const onnx::FunctionProto &function) {
    return checkAll(function.node()) && checkAll(function.attribute_proto());
  }
  bool check(const onnx::TrainingInfoProto &training) {
    return check(training.initialization()) && check(training.algorithm());
  }
  template <typename Field> bool checkAll(const Field &field) {
    return all_of(field, [&](const auto &message) { return check(message); });
  }
};
} // namespace

std::string checkLocations(const onnx::ModelProto &model) {
  LocationChecker checker;
  (void)(checker.check(model.graph()) && checker.checkAll(model.functions()) &&
         checker.checkAll(model.training_info()));
  return checker.error;
}

} // namespace winnow::import
