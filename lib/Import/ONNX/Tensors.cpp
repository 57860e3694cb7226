#include "Tensors.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::formatv;
using Proto = winnow::onnx::TensorProto;

// Raw data is little-endian and used where it lies.
static_assert(llvm::endianness::native == llvm::endianness::little);

namespace winnow::import {

static constexpr size_t kMaxInlineBytes = 1024;

std::string getDataTypeName(int32_t dataType) {
  if (Proto::DataType_IsValid(dataType))
    return Proto::DataType_Name(static_cast<Proto::DataType>(dataType));
  return std::to_string(dataType);
}

std::string getDtypeName(Type type) {
  if (isStorageFloat(type))
    return llvm::TypeSwitch<Type, std::string>(type)
        .Case([](Float8E4M3FNType) { return "float8e4m3fn"; })
        .Case([](Float8E4M3FNUZType) { return "float8e4m3fnuz"; })
        .Case([](Float8E5M2Type) { return "float8e5m2"; })
        .Case([](Float8E5M2FNUZType) { return "float8e5m2fnuz"; })
        .Case([](Float8E8M0FNUType) { return "float8e8m0"; })
        .Case([](Float4E2M1FNType) { return "float4e2m1"; });
  unsigned width = type.getIntOrFloatBitWidth();
  if (width == 1)
    return "bool";
  StringRef kind = type.isBF16() ? "bfloat" : isa<FloatType>(type) ? "float" : "int";
  return (type.isUnsignedInteger() ? "u" : "") + kind.str() + std::to_string(width);
}

Type getElementType(int32_t dataType, MLIRContext *context, std::string &error) {
  Builder b(context);
  switch (dataType) {
  case Proto::FLOAT: return b.getF32Type();
  case Proto::DOUBLE: return b.getF64Type();
  case Proto::FLOAT16: return b.getF16Type();
  case Proto::BFLOAT16: return b.getBF16Type();
  case Proto::BOOL: return b.getI1Type();
  case Proto::INT8: return b.getIntegerType(8);
  case Proto::INT16: return b.getIntegerType(16);
  case Proto::INT32: return b.getIntegerType(32);
  case Proto::INT64: return b.getIntegerType(64);
  case Proto::UINT8: return b.getIntegerType(8, /*isSigned=*/false);
  case Proto::UINT16: return b.getIntegerType(16, /*isSigned=*/false);
  case Proto::UINT32: return b.getIntegerType(32, /*isSigned=*/false);
  case Proto::UINT64: return b.getIntegerType(64, /*isSigned=*/false);
  case Proto::FLOAT8E4M3FN: return b.getType<Float8E4M3FNType>();
  case Proto::FLOAT8E4M3FNUZ: return b.getType<Float8E4M3FNUZType>();
  case Proto::FLOAT8E5M2: return b.getType<Float8E5M2Type>();
  case Proto::FLOAT8E5M2FNUZ: return b.getType<Float8E5M2FNUZType>();
  case Proto::FLOAT8E8M0: return b.getType<Float8E8M0FNUType>();
  case Proto::FLOAT4E2M1: return b.getType<Float4E2M1FNType>();
  case Proto::INT4: return b.getIntegerType(4);
  case Proto::INT2: return b.getIntegerType(2);
  case Proto::UINT4: return b.getIntegerType(4, /*isSigned=*/false);
  case Proto::UINT2: return b.getIntegerType(2, /*isSigned=*/false);
  default:
    error = "elements of type " + getDataTypeName(dataType) + " are not supported";
    return nullptr;
  }
}

unsigned getElementBytes(Type type) {
  return std::max(8u, type.getIntOrFloatBitWidth()) / 8;
}

unsigned getElementsPerByte(Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  return width == 1 ? 1 : std::max(1u, 8 / width);
}

RankedTensorType getTensorType(const Proto &tensor, MLIRContext *context, std::string &error) {
  Type elementType = getElementType(tensor.data_type(), context, error);
  if (!elementType)
    return nullptr;
  if (tensor.dims_size() > kMaxRank) {
    error = formatv("expected a rank of at most {0}, got {1}", kMaxRank, tensor.dims_size()).str();
    return nullptr;
  }
  int64_t bytes = getElementBytes(elementType);
  for (int64_t dim : tensor.dims()) {
    if (dim < 0) {
      error = formatv("expected dimensions of 0 or more, got {0}", dim).str();
      return nullptr;
    }
    // Zero dimensions do not excuse the others from fitting.
    std::optional<int64_t> product = llvm::checkedMul(bytes, std::max<int64_t>(dim, 1));
    if (!product) {
      error = "the tensor's size in bytes overflows 64 bits";
      return nullptr;
    }
    bytes = *product;
  }
  return RankedTensorType::get(ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()),
                               elementType);
}

/// Narrows typed fields to elements of `width` bytes.
template <typename Field>
TensorReader::Bytes TensorReader::narrow(const Field &field, unsigned width) {
  Bytes bytes;
  using Element = typename Field::value_type;
  if (sizeof(Element) == width) {
    bytes.inPlace = {reinterpret_cast<const char *>(field.data()), field.size() * sizeof(Element)};
    return bytes;
  }
  bytes.isMade = true;
  bytes.made.resize(size_t(field.size()) * width);
  for (int i = 0; i < field.size(); ++i)
    std::memcpy(bytes.made.data() + size_t(i) * width, &field[i], width);
  return bytes;
}

/// The typed field that the standard assigns to the data type.
TensorReader::Bytes TensorReader::readTypedField(const Proto &tensor, unsigned width) {
  switch (tensor.data_type()) {
  case Proto::FLOAT: return narrow(tensor.float_data(), width);
  case Proto::DOUBLE: return narrow(tensor.double_data(), width);
  case Proto::INT64: return narrow(tensor.int64_data(), width);
  case Proto::UINT32:
  case Proto::UINT64: return narrow(tensor.uint64_data(), width);
  default: return narrow(tensor.int32_data(), width);
  }
}

static bool hasTypedField(const Proto &tensor) {
  return tensor.float_data_size() || tensor.int32_data_size() || tensor.int64_data_size() ||
         tensor.double_data_size() || tensor.uint64_data_size() || tensor.string_data_size();
}

/// Spreads elements of less than 8 bits, low bits first, to one byte each.
static std::vector<char> unpack(ArrayRef<char> packed, size_t count, unsigned perByte) {
  unsigned width = 8 / perByte;
  std::vector<char> elements(count);
  for (size_t i = 0; i < count; ++i)
    elements[i] = (packed[i / perByte] >> (i % perByte * width)) & ((1 << width) - 1);
  return elements;
}

/// A resource key that the printer and parser take: names hold anything.
static std::string getKey(StringRef name) {
  std::string key = "w_";
  for (char c : name.take_back(100))
    key += llvm::isAlnum(c) ? c : '_';
  return key;
}

bool TensorReader::addCopiedBytes(uint64_t bytes, std::string &error) {
  uint64_t limit = std::max<int64_t>(maxCopiedBytes, 0);
  if (bytes > limit - std::min(copiedBytes, limit)) {
    error = formatv("constants that need a copy take more than {0} bytes; allow more with "
                    "--max-constant-fold-bytes", limit).str();
    return false;
  }
  copiedBytes += bytes;
  return true;
}

std::optional<TensorReader::Bytes> TensorReader::readBytes(const Proto &tensor,
                                                           RankedTensorType type, size_t size,
                                                           std::string &error) {
  Bytes bytes;
  if (tensor.has_segment()) {
    error = "tensors in segments are not supported";
    return std::nullopt;
  }
  if (tensor.data_location() == Proto::EXTERNAL) {
    if (tensor.has_raw_data() || hasTypedField(tensor)) {
      error = "the tensor has both external data and data in the model";
      return std::nullopt;
    }
    std::optional<ArrayRef<char>> external = model->files.resolve(tensor, size, error);
    if (!external)
      return std::nullopt;
    bytes.inPlace = *external;
  } else if (tensor.has_raw_data()) {
    if (hasTypedField(tensor)) {
      error = "the tensor has both raw and typed data";
      return std::nullopt;
    }
    bytes.inPlace = model->getRawData(tensor);
  } else {
    bytes = readTypedField(tensor, getElementBytes(type.getElementType()));
  }
  if (bytes.get().size() != size) {
    error = formatv("expected {0} bytes of data for shape [{1:$[, ]}] of {2}, got {3}", size,
                    llvm::make_range(type.getShape().begin(), type.getShape().end()),
                    getDataTypeName(tensor.data_type()), bytes.get().size()).str();
    return std::nullopt;
  }
  return bytes;
}

ElementsAttr TensorReader::read(const Proto &tensor, StringRef name, std::string &error) {
  if (ElementsAttr attr = cache.lookup(&tensor))
    return attr;
  RankedTensorType type = getTensorType(tensor, context, error);
  if (!type)
    return nullptr;
  size_t count = type.getNumElements();
  unsigned perByte = getElementsPerByte(type.getElementType());
  size_t size = llvm::divideCeil(count * getElementBytes(type.getElementType()), perByte);
  std::optional<Bytes> bytes = readBytes(tensor, type, size, error);
  if (!bytes)
    return nullptr;
  if (perByte > 1) {
    bytes->made = unpack(bytes->get(), count, perByte);
    bytes->isMade = true;
  }
  ArrayRef<char> data = bytes->get();

  ElementsAttr attr;
  if (data.size() <= kMaxInlineBytes) {
    if (type.getElementType().isInteger(1)) {
      SmallVector<bool> bits;
      for (char c : data)
        bits.push_back(c != 0);
      attr = DenseElementsAttr::get(type, bits);
    } else {
      attr = DenseElementsAttr::getFromRawBuffer(type, data);
    }
  } else {
    if (bytes->isMade && !addCopiedBytes(data.size(), error))
      return nullptr;
    // Files promise no alignment, and who reads a resource asks for none.
    AsmResourceBlob blob =
        bytes->isMade ? HeapAsmResourceBlob::allocateAndCopyWithAlign(data, 64,
                                                                      /*dataIsMutable=*/false)
                      : UnmanagedAsmResourceBlob::allocateWithAlign(
                            data, /*align=*/1, [model = model](void *, size_t, size_t) {});
    attr = cast<ElementsAttr>(
        DenseResourceElementsAttr::get(type, getKey(name), std::move(blob)));
  }
  cache[&tensor] = attr;
  return attr;
}

} // namespace winnow::import
