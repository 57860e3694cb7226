#include "Samples.h"

#include "ArrayNumbers.h"
#include "winnow/Dialect/Winnow/IR/Dims.h"
#include "winnow/abi.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace llvm;
using namespace winnow;

Expected<Samples> Samples::open(StringRef path) {
  Samples samples;
  if (!sys::fs::is_directory(path)) {
    samples.files.push_back(path.str());
    return samples;
  }
  std::error_code code;
  for (sys::fs::directory_iterator it(path, code), end; !code && it != end; it.increment(code))
    if (StringRef(it->path()).ends_with(".npz"))
      samples.files.push_back(it->path());
  if (code)
    return createStringError("cannot read '" + path + "': " + code.message());
  sort(samples.files);
  if (samples.files.empty())
    return createStringError("expected .npz files in '" + path + "', got none");
  return samples;
}

namespace {
/// One input of a file: so many parts along the first dimension.
struct Parts {
  NamedArray array;
  int64_t rows = 1; ///< of a part
  int64_t count = 1;

  NamedArray get(int64_t index) const {
    if (count == 1)
      return array;
    NamedArray part{array.first, {array.second.dtype, array.second.shape, {}}};
    part.second.shape[0] = rows;
    size_t bytes = array.second.data.size() / count;
    const char *begin = array.second.data.data() + index * bytes;
    part.second.data.assign(begin, begin + bytes);
    return part;
  }
};
} // namespace

static Expected<std::vector<Parts>> split(mlir::func::FuncOp entry, StringRef file) {
  auto arrays = readNpz(file);
  if (!arrays)
    return arrays.takeError();
  std::vector<Parts> inputs;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
    auto attr = entry.getArgAttrOfType<mlir::StringAttr>(i, "winnow.name");
    StringRef name = attr ? attr.getValue() : StringRef();
    auto it = find_if(*arrays, [&](const NamedArray &array) { return array.first == name; });
    if (it == arrays->end())
      return createStringError("'" + file + "': expected an array '" + name +
                               "', an input of the model, got none");
    Parts parts{*it};
    ArrayRef<int64_t> shape = parts.array.second.shape;
    auto type = cast<mlir::RankedTensorType>(entry.getArgument(i).getType());
    if (type.getRank() > 0 && !shape.empty()) {
      parts.rows = type.isDynamicDim(0) ? 1 : type.getDimSize(0);
      if (parts.rows < 1 || shape[0] < 1 || shape[0] % parts.rows != 0)
        return createStringError("'" + file + "': expected '" + name + "' to hold samples of " +
                                 Twine(parts.rows) + ", got a first dimension of " +
                                 Twine(shape[0]));
      parts.count = shape[0] / parts.rows;
    }
    inputs.push_back(std::move(parts));
  }
  return inputs;
}

Error Samples::forEach(mlir::func::FuncOp entry, size_t limit,
                       function_ref<Error(std::vector<NamedArray>)> use) const {
  size_t runs = 0;
  for (const std::string &file : files) {
    auto inputs = split(entry, file);
    if (!inputs)
      return inputs.takeError();
    int64_t count = 1;
    for (const Parts &parts : *inputs)
      count = std::max(count, parts.count);
    // What has one part is the same for all.
    for (const Parts &parts : *inputs)
      if (parts.count != 1 && parts.count != count)
        return createStringError("'" + file + "': expected as many samples of each input, got " +
                                 Twine(parts.count) + " of '" + parts.array.first + "' and " +
                                 Twine(count) + " of another");
    for (int64_t index = 0; index < count; ++index) {
      if (limit && runs == limit)
        return Error::success();
      std::vector<NamedArray> arrays;
      for (const Parts &parts : *inputs)
        arrays.push_back(parts.get(index));
      if (Error error = use(std::move(arrays)))
        return error;
      ++runs;
    }
  }
  return Error::success();
}
