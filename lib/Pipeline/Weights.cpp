#include "ModuleFacts.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace winnow;

/// The bytes of a constant as they lie in the file. Booleans of dense elements
/// are packed in bits by MLIR and are spread to one byte each.
static void writeDense(ElementsAttr elements, raw_ostream &os) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    ArrayRef<char> data = resource.getData();
    os.write(data.data(), data.size());
    return;
  }
  auto dense = cast<DenseElementsAttr>(elements);
  if (dense.getElementType().isInteger(1)) {
    for (bool value : dense.getValues<bool>())
      os << static_cast<char>(value);
    return;
  }
  ArrayRef<char> data = dense.getRawData();
  if (!dense.isSplat()) {
    os.write(data.data(), data.size());
    return;
  }
  for (int64_t i = 0; i < dense.getNumElements(); ++i)
    os.write(data.data(), data.size());
}

/// Whether it is a constant, or [elements, shape, permutation]: one that a transpose
/// of `shape` moves.
static bool isPart(Attribute attr) {
  auto moved = dyn_cast<ArrayAttr>(attr);
  return isa<ElementsAttr>(attr) ||
         (moved && moved.size() == 3 && isa<ElementsAttr>(moved[0]) &&
          isa<DenseI64ArrayAttr>(moved[1]) && isa<DenseI64ArrayAttr>(moved[2]));
}

static ElementsAttr getElements(Attribute part) {
  auto moved = dyn_cast<ArrayAttr>(part);
  return cast<ElementsAttr>(moved ? moved[0] : part);
}

/// Moves elements of so many bytes as the part says, if it does.
static void movePart(Attribute part, int64_t width, SmallVectorImpl<char> &bytes) {
  auto moved = dyn_cast<ArrayAttr>(part);
  if (!moved || bytes.empty() || cast<DenseI64ArrayAttr>(moved[1]).size() < 2)
    return;
  ArrayRef<int64_t> shape = cast<DenseI64ArrayAttr>(moved[1]).asArrayRef();
  ArrayRef<int64_t> permutation = cast<DenseI64ArrayAttr>(moved[2]).asArrayRef();
  SmallVector<int64_t> strides(shape.size(), width), index(shape.size(), 0);
  for (size_t i = shape.size() - 1; i-- > 0;)
    strides[i] = strides[i + 1] * shape[i + 1];
  SmallVector<char> result(bytes.size());
  int64_t from = 0;
  for (size_t to = 0; to < result.size(); to += width) {
    std::memcpy(&result[to], &bytes[from], width);
    for (size_t i = permutation.size(); i-- > 0;) {
      from += strides[permutation[i]];
      if (++index[i] < shape[permutation[i]])
        break;
      from -= index[i] * strides[permutation[i]];
      index[i] = 0;
    }
  }
  bytes.assign(result.begin(), result.end());
}

/// The bytes of a part in the order in which it is used.
static void writePart(Attribute part, raw_ostream &os) {
  if (!isa<ArrayAttr>(part))
    return writeDense(getElements(part), os);
  SmallVector<char> bytes;
  llvm::raw_svector_ostream stream(bytes);
  writeDense(getElements(part), stream);
  movePart(part, bytes.size() / std::max<int64_t>(getElements(part).getNumElements(), 1), bytes);
  os.write(bytes.data(), bytes.size());
}

namespace {
/// One constant [k, n] (or [n, k] transposed) of a packed weight.
struct Part {
  const float *data;
  int64_t k, n;
  bool transposed;

  float at(int64_t row, int64_t column) const {
    return transposed ? data[column * k + row] : data[row * n + column];
  }
};
} // namespace

/// The constant as f32, in `storage` unless it lies ready in memory.
static const float *getFloats(Attribute part, std::vector<float> &storage) {
  ElementsAttr elements = getElements(part);
  Type type = elements.getElementType();
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  if (resource && type.isF32() && !isa<ArrayAttr>(part) &&
      reinterpret_cast<uintptr_t>(resource.getData().data()) % alignof(float) == 0)
    return reinterpret_cast<const float *>(resource.getData().data());
  SmallVector<char> bytes;
  llvm::raw_svector_ostream stream(bytes);
  writePart(part, stream);
  storage.resize(elements.getNumElements());
  if (type.isF32()) {
    std::memcpy(storage.data(), bytes.data(), bytes.size());
    return storage.data();
  }
  const llvm::fltSemantics &semantics = cast<FloatType>(type).getFloatSemantics();
  for (size_t i = 0; i < storage.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
    llvm::APFloat value(semantics, llvm::APInt(16, bits));
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    storage[i] = value.convertToFloat();
  }
  return storage.data();
}

/// Panels [ceil(N / nr)][k][nr] of the parts side by side, zero padded. One
/// panel is gathered in memory at a time.
static void writePanels(ArrayRef<Part> parts, int64_t k, int64_t n, int64_t nr, raw_ostream &os) {
  SmallVector<float> panel(k * nr);
  for (int64_t begin = 0; begin < n; begin += nr) {
    std::fill(panel.begin(), panel.end(), 0.0f);
    int64_t partBegin = 0;
    for (const Part &part : parts) {
      int64_t first = std::max(begin, partBegin);
      int64_t last = std::min({begin + nr, partBegin + part.n, n});
      if (part.transposed) {
        for (int64_t column = first; column < last; ++column)
          for (int64_t row = 0; row < k; ++row)
            panel[row * nr + column - begin] = part.at(row, column - partBegin);
      } else {
        for (int64_t row = 0; row < k; ++row)
          for (int64_t column = first; column < last; ++column)
            panel[row * nr + column - begin] = part.at(row, column - partBegin);
      }
      partBegin += part.n;
    }
    os.write(reinterpret_cast<const char *>(panel.data()), panel.size() * sizeof(float));
  }
}

namespace {
/// One constant [k, n] (or [n, k] transposed) of a weight of bytes. What is stored is the number
/// that a byte is less `shift`, which fits a signed byte.
struct BytePart {
  std::vector<char> bytes;
  int64_t k, n;
  bool transposed, isUnsigned;
  unsigned bits;
  int64_t shift;

  int8_t at(int64_t row, int64_t column) const {
    uint8_t byte = bytes[transposed ? column * k + row : row * n + column];
    int64_t number = byte & ((1 << bits) - 1);
    return (isUnsigned ? number : llvm::SignExtend64(number, bits)) - shift;
  }
};
} // namespace

static std::vector<BytePart> readByteParts(ArrayAttr parts, DictionaryAttr layout) {
  int64_t k = layout.getAs<IntegerAttr>("k").getInt();
  std::vector<BytePart> result;
  for (Attribute attr : parts) {
    SmallVector<char> bytes;
    llvm::raw_svector_ostream stream(bytes);
    writePart(attr, stream);
    int64_t n = getElements(attr).getNumElements() / std::max<int64_t>(k, 1);
    result.push_back({std::vector<char>(bytes.begin(), bytes.end()), k, n,
                      layout.getAs<BoolAttr>("transposed").getValue(),
                      getElements(attr).getElementType().isUnsignedInteger(),
                      getElements(attr).getElementType().getIntOrFloatBitWidth(),
                      layout.getAs<IntegerAttr>("shift").getInt()});
  }
  return result;
}

/// Panels [ceil(N / nr)][ceil(k bits / 32)][nr] of words, each of which holds numbers of `bits`
/// bits of a column that follow each other, the first in the low bits; zero padded. Of 8 bits, a
/// word is four bytes of a column side by side.
static void writeWordPanels(ArrayRef<BytePart> parts, int64_t k, int64_t n, int64_t nr, int64_t bits,
                            raw_ostream &os) {
  int64_t count = 32 / bits;
  SmallVector<uint32_t> panel(llvm::divideCeil(k, count) * nr);
  for (int64_t begin = 0; begin < n; begin += nr) {
    std::fill(panel.begin(), panel.end(), 0);
    int64_t partBegin = 0;
    for (const BytePart &part : parts) {
      int64_t first = std::max(begin, partBegin);
      int64_t last = std::min({begin + nr, partBegin + part.n, n});
      for (int64_t column = first; column < last; ++column)
        for (int64_t row = 0; row < k; ++row) {
          uint32_t number = part.at(row, column - partBegin) & ((1 << bits) - 1);
          panel[row / count * nr + column - begin] |= number << (row % count * bits);
        }
      partBegin += part.n;
    }
    os.write(reinterpret_cast<const char *>(panel.data()), panel.size() * sizeof(uint32_t));
  }
}

/// The sum of each column's stored bytes, as i32.
static void writeColumnSums(ArrayRef<BytePart> parts, raw_ostream &os) {
  for (const BytePart &part : parts)
    for (int64_t column = 0; column < part.n; ++column) {
      int32_t sum = 0;
      for (int64_t row = 0; row < part.k; ++row)
        sum += part.at(row, column);
      os.write(reinterpret_cast<const char *>(&sum), sizeof sum);
    }
}

FailureOr<std::vector<WeightEntry>> winnow::getWeightEntries(ModuleOp module) {
  std::vector<WeightEntry> entries;
  auto list = module->getAttrOfType<ArrayAttr>("winnow.weights");
  if (!list)
    return entries;
  for (Attribute attr : list) {
    auto dict = dyn_cast<DictionaryAttr>(attr);
    auto offset = dict ? dict.getAs<IntegerAttr>("offset") : IntegerAttr();
    auto bytes = dict ? dict.getAs<IntegerAttr>("bytes") : IntegerAttr();
    auto parts = dict ? dict.getAs<ArrayAttr>("parts") : ArrayAttr();
    auto layout = dict ? dict.getAs<DictionaryAttr>("layout") : DictionaryAttr();
    auto kind = layout ? layout.getAs<StringAttr>("kind") : StringAttr();
    bool isWellFormed = offset && bytes && parts && kind && !parts.empty() &&
                        llvm::all_of(parts, isPart);
    if (!isWellFormed)
      return module.emitError("expected entries with offset, bytes, parts and layout in "
                              "winnow.weights, got ")
             << attr;
    WeightEntry entry;
    entry.offset = offset.getInt();
    entry.bytes = bytes.getInt();
    if (kind.getValue() == "dense") {
      entry.write = [parts](raw_ostream &os) {
        for (Attribute part : parts)
          writePart(part, os);
      };
    } else if (kind.getValue() == "panels") {
      int64_t k = layout.getAs<IntegerAttr>("k").getInt(), n = layout.getAs<IntegerAttr>("n").getInt();
      int64_t nr = layout.getAs<IntegerAttr>("nr").getInt();
      bool transposed = layout.getAs<BoolAttr>("transposed").getValue();
      entry.write = [parts, k, n, nr, transposed](raw_ostream &os) {
        std::vector<std::vector<float>> storage(parts.size());
        SmallVector<Part> views;
        for (auto [i, attr] : llvm::enumerate(parts)) {
          int64_t partN = getElements(attr).getNumElements() / std::max<int64_t>(k, 1);
          views.push_back({getFloats(attr, storage[i]), k, partN, transposed});
        }
        writePanels(views, k, n, nr, os);
      };
    } else if (kind.getValue() == "byte_panels") {
      int64_t k = layout.getAs<IntegerAttr>("k").getInt(), n = layout.getAs<IntegerAttr>("n").getInt();
      int64_t nr = layout.getAs<IntegerAttr>("nr").getInt();
      entry.write = [parts, layout, k, n, nr](raw_ostream &os) {
        writeWordPanels(readByteParts(parts, layout), k, n, nr, /*bits=*/8, os);
      };
    } else if (kind.getValue() == "word_panels") {
      int64_t k = layout.getAs<IntegerAttr>("k").getInt(), n = layout.getAs<IntegerAttr>("n").getInt();
      int64_t nr = layout.getAs<IntegerAttr>("nr").getInt();
      int64_t bits = layout.getAs<IntegerAttr>("bits").getInt();
      entry.write = [parts, layout, k, n, nr, bits](raw_ostream &os) {
        writeWordPanels(readByteParts(parts, layout), k, n, nr, bits, os);
      };
    } else if (kind.getValue() == "column_sums") {
      entry.write = [parts, layout](raw_ostream &os) {
        writeColumnSums(readByteParts(parts, layout), os);
      };
    } else {
      return module.emitError("expected a weight layout dense, panels, byte_panels, "
                              "word_panels or column_sums, got ")
             << kind;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}
