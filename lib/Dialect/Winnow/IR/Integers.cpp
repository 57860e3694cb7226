#include "winnow/Dialect/Winnow/IR/Integers.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

std::optional<SmallVector<int64_t>> winnow::getIntegers(Attribute attr) {
  auto elements = dyn_cast_or_null<ElementsAttr>(attr);
  auto type = elements ? dyn_cast<IntegerType>(elements.getElementType()) : IntegerType();
  if (!type || type.getWidth() > 64)
    return std::nullopt;
  unsigned bits = type.getWidth();
  auto extend = [&](uint64_t number) -> int64_t {
    return type.isUnsigned() ? number & llvm::maskTrailingOnes<uint64_t>(bits)
                             : llvm::SignExtend64(number, bits);
  };
  SmallVector<int64_t> numbers;
  if (auto dense = dyn_cast<DenseIntElementsAttr>(elements)) {
    for (const APInt &number : dense.getValues<APInt>())
      numbers.push_back(extend(number.getZExtValue()));
    return numbers;
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  size_t width = llvm::PowerOf2Ceil(llvm::divideCeil(bits, 8)), count = elements.getNumElements();
  if (!blob || bits == 1 || blob->getData().size() != count * width)
    return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    uint64_t number = 0; // little-endian, as all of our targets
    memcpy(&number, blob->getData().data() + i * width, width);
    numbers.push_back(extend(number));
  }
  return numbers;
}
