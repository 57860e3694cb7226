#include "ArrayNumbers.h"

#include "winnow/abi.h"
#include "winnow/runtime.h"

using namespace llvm;
using namespace winnow;

const fltSemantics *winnow::getSemantics(int32_t dtype) {
  switch (dtype) {
  case WINNOW_DTYPE_F16:
    return &APFloat::IEEEhalf();
  case WINNOW_DTYPE_BF16:
    return &APFloat::BFloat();
  case WINNOW_DTYPE_F32:
    return &APFloat::IEEEsingle();
  case WINNOW_DTYPE_F64:
    return &APFloat::IEEEdouble();
  default:
    return nullptr;
  }
}

uint64_t winnow::getBits(const Array &array, size_t index, size_t size) {
  uint64_t bits = 0;
  memcpy(&bits, array.data.data() + index * size, size);
  return bits;
}

double winnow::getFloat(const Array &array, size_t index, const fltSemantics &semantics) {
  unsigned width = APFloat::getSizeInBits(semantics);
  APFloat value(semantics, APInt(width, getBits(array, index, width / 8)));
  return value.convertToDouble();
}

void winnow::setNumber(Array &array, size_t index, double number) {
  size_t size = winnow_dtype_size(array.dtype);
  uint64_t bits = static_cast<uint64_t>(static_cast<int64_t>(number));
  if (const fltSemantics *semantics = getSemantics(array.dtype)) {
    APFloat value(number);
    bool losesInfo;
    value.convert(*semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    bits = value.bitcastToAPInt().getZExtValue();
  }
  memcpy(array.data.data() + index * size, &bits, size);
}

size_t winnow::countElements(ArrayRef<int64_t> shape) {
  size_t count = 1;
  for (int64_t dim : shape)
    count *= dim;
  return count;
}
