#include "Tensors.h"

#include "llvm/Support/FormatVariadic.h"
#include <cstring>

using namespace mlir;
using llvm::formatv;
using Proto = winnow::onnx::TensorProto;

namespace winnow::import {

/// The positions of the values in the dense tensor's row-major order. They are
/// given as such, or as one index for each dimension; either way they ascend.
static std::optional<SmallVector<uint64_t>> getPositions(ArrayRef<char> indices, bool isLinear,
                                                         ArrayRef<int64_t> shape,
                                                         std::string &error) {
  int64_t size = ShapedType::getNumElements(shape), bounds[] = {size};
  shape = isLinear ? ArrayRef<int64_t>(bounds) : shape;
  SmallVector<uint64_t> positions;
  while (!indices.empty()) {
    int64_t position = 0;
    for (int64_t bound : shape) {
      int64_t index;
      std::memcpy(&index, indices.data(), sizeof(index));
      indices = indices.drop_front(sizeof(index));
      if (index < 0 || index >= bound) {
        error = formatv("expected sparse indices in [0, {0}), got {1}", bound, index).str();
        return std::nullopt;
      }
      position = position * bound + index;
    }
    if (!positions.empty() && uint64_t(position) <= positions.back()) {
      error = formatv("expected sparse indices in ascending order, got position {0} after {1}",
                      position, positions.back()).str();
      return std::nullopt;
    }
    positions.push_back(position);
  }
  return positions;
}

const Proto *TensorReader::densify(const onnx::SparseTensorProto &sparse, std::string &error) {
  auto it = densified.find(&sparse);
  if (it != densified.end())
    return it->second.get();
  const Proto &values = sparse.values();
  auto dense = std::make_unique<Proto>();
  dense->set_name(values.name());
  dense->set_data_type(values.data_type());
  *dense->mutable_dims() = sparse.dims();
  RankedTensorType type = getTensorType(*dense, context, error);
  RankedTensorType valuesType = type ? getTensorType(values, context, error) : type;
  RankedTensorType indicesType =
      valuesType ? getTensorType(sparse.indices(), context, error) : valuesType;
  if (!indicesType)
    return nullptr;
  if (getElementsPerByte(type.getElementType()) > 1) {
    error = formatv("sparse tensors of {0} are not supported", getDataTypeName(values.data_type())).str();
    return nullptr;
  }
  ArrayRef<int64_t> shape = type.getShape(), given = indicesType.getShape();
  bool isLinear = given.size() == 1;
  int64_t numValues = valuesType.getNumElements();
  if (valuesType.getRank() != 1 || sparse.indices().data_type() != Proto::INT64 ||
      given.empty() || given[0] != numValues ||
      !(isLinear || (given.size() == 2 && given[1] == type.getRank() && given[1] > 0))) {
    error = formatv("expected n values of shape [n] and INT64 indices of shape [n] or [n, {0}], "
                    "got shapes [{1:$[, ]}] and [{2:$[, ]}] of {3}", type.getRank(),
                    llvm::make_range(valuesType.getShape().begin(), valuesType.getShape().end()),
                    llvm::make_range(given.begin(), given.end()),
                    getDataTypeName(sparse.indices().data_type())).str();
    return nullptr;
  }
  unsigned width = getElementBytes(type.getElementType());
  std::optional<Bytes> bytes = readBytes(values, valuesType, numValues * width, error);
  std::optional<Bytes> indices =
      bytes ? readBytes(sparse.indices(), indicesType,
                        indicesType.getNumElements() * sizeof(int64_t), error) : std::nullopt;
  if (!indices)
    return nullptr;
  std::optional<SmallVector<uint64_t>> positions =
      getPositions(indices->get(), isLinear, shape, error);
  uint64_t size = type.getNumElements() * width;
  if (!positions || !addCopiedBytes(size, error))
    return nullptr;
  std::string &data = *dense->mutable_raw_data();
  data.resize(size);
  for (auto [i, position] : llvm::enumerate(*positions))
    std::memcpy(data.data() + position * width, bytes->get().data() + i * width, width);
  return densified.try_emplace(&sparse, std::move(dense)).first->second.get();
}

} // namespace winnow::import
