#include "winnow/Conversion/WeightParts.h"

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

bool winnow::isWeightPart(Attribute attr) {
  auto moved = dyn_cast<ArrayAttr>(attr);
  return isa<ElementsAttr>(attr) ||
         (moved && moved.size() == 3 && isa<ElementsAttr>(moved[0]) &&
          isa<DenseI64ArrayAttr>(moved[1]) && isa<DenseI64ArrayAttr>(moved[2]));
}

ElementsAttr winnow::getPartElements(Attribute part) {
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

void winnow::writeWeightPart(Attribute part, raw_ostream &os) {
  if (!isa<ArrayAttr>(part))
    return writeDense(getPartElements(part), os);
  SmallVector<char> bytes;
  llvm::raw_svector_ostream stream(bytes);
  writeDense(getPartElements(part), stream);
  movePart(part, bytes.size() / std::max<int64_t>(getPartElements(part).getNumElements(), 1), bytes);
  os.write(bytes.data(), bytes.size());
}

int8_t BytePart::at(int64_t row, int64_t column) const {
  uint8_t byte = bytes[transposed ? column * k + row : row * n + column];
  int64_t number = byte & ((1 << bits) - 1);
  return (isUnsigned ? number : llvm::SignExtend64(number, bits)) - shift;
}

void BytePart::getColumn(int64_t column, SmallVectorImpl<int8_t> &numbers) const {
  numbers.resize(k);
  for (int64_t row = 0; row < k; ++row)
    numbers[row] = at(row, column);
}

std::vector<BytePart> winnow::readByteParts(ArrayRef<Attribute> parts, DictionaryAttr layout) {
  int64_t k = layout.getAs<IntegerAttr>("k").getInt();
  std::vector<BytePart> result;
  for (Attribute attr : parts) {
    SmallVector<char> bytes;
    llvm::raw_svector_ostream stream(bytes);
    writeWeightPart(attr, stream);
    ElementsAttr elements = getPartElements(attr);
    int64_t n = elements.getNumElements() / std::max<int64_t>(k, 1);
    result.push_back({std::vector<char>(bytes.begin(), bytes.end()), k, n,
                      layout.getAs<BoolAttr>("transposed").getValue(),
                      elements.getElementType().isUnsignedInteger(),
                      elements.getElementType().getIntOrFloatBitWidth(),
                      layout.getAs<IntegerAttr>("shift").getInt()});
  }
  return result;
}
