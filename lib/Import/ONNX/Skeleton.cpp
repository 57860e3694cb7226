#include "Skeleton.h"

#include "winnow_onnx.pb.h"
#include "llvm/ADT/STLFunctionalExtras.h"

using namespace llvm;

namespace winnow::import {

/// Less is copied sooner than it is looked after.
static constexpr size_t kMinCutBytes = 4096;

namespace {
/// One field of a message: its tag and, if it is length-delimited, its payload.
struct Field {
  uint64_t tag = 0;
  /// Tag, length and all.
  ArrayRef<char> whole;
  ArrayRef<char> payload;

  bool isBytes(int number) const { return tag == (uint64_t(number) << 3 | 2); }
};

/// Takes fields off the front of a message.
class WireReader {
public:
  explicit WireReader(ArrayRef<char> message) : rest(message) {}

  bool isAtEnd() const { return rest.empty(); }
  /// False where the message is not well formed.
  bool next(Field &field) {
    ArrayRef<char> begin = rest;
    uint64_t number = 0;
    field = Field();
    if (!readVarint(field.tag))
      return false;
    switch (field.tag & 7) {
    case 0:
      if (!readVarint(number))
        return false;
      break;
    case 1:
    case 5:
      if (!take((field.tag & 7) == 1 ? 8 : 4, field.payload))
        return false;
      break;
    case 2:
      if (!readVarint(number) || !take(number, field.payload))
        return false;
      break;
    default: // groups, which the schema lacks
      return false;
    }
    field.whole = begin.drop_back(rest.size());
    return true;
  }

private:
  bool take(uint64_t size, ArrayRef<char> &bytes) {
    if (size > rest.size())
      return false;
    bytes = rest.take_front(size);
    rest = rest.drop_front(size);
    return true;
  }
  bool readVarint(uint64_t &value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
      uint64_t byte = static_cast<unsigned char>(rest.front());
      rest = rest.drop_front();
      value |= (byte & 127) << shift;
      if (byte < 128)
        return true;
    }
    return false;
  }

  ArrayRef<char> rest;
};
} // namespace

static void append(std::string &out, ArrayRef<char> bytes) {
  out.append(bytes.data(), bytes.size());
}

static void appendField(std::string &out, int number, StringRef payload) {
  auto appendVarint = [&](uint64_t value) {
    for (; value > 127; value >>= 7)
      out += static_cast<char>((value & 127) | 128);
    out += static_cast<char>(value);
  };
  appendVarint(uint64_t(number) << 3 | 2);
  appendVarint(payload.size());
  out += payload;
}

/// Copies a message; `replace` may put something else in place of a field.
static bool copyMessage(ArrayRef<char> message, std::string &out,
                        function_ref<bool(const Field &, bool &replaced)> replace) {
  WireReader reader(message);
  Field field;
  while (!reader.isAtEnd()) {
    bool isReplaced = false;
    if (!reader.next(field) || !replace(field, isReplaced))
      return false;
    if (!isReplaced)
      append(out, field.whole);
  }
  return true;
}

static bool cutTensor(ArrayRef<char> tensor, std::string &out,
                      std::optional<ArrayRef<char>> &rawData) {
  int numRawData = 0;
  return copyMessage(tensor, out, [&](const Field &field, bool &isReplaced) {
    if (!field.isBytes(onnx::TensorProto::kRawDataFieldNumber))
      return true;
    if (field.payload.size() >= kMinCutBytes) {
      // The field stays, empty: the tensor has raw data.
      appendField(out, onnx::TensorProto::kRawDataFieldNumber, "");
      rawData = field.payload;
      isReplaced = true;
    }
    // Of several the last would count: nothing that a real model has.
    return ++numRawData == 1;
  });
}

static bool cutGraph(ArrayRef<char> graph, std::string &out, Skeleton &skeleton) {
  return copyMessage(graph, out, [&](const Field &field, bool &isReplaced) {
    if (!field.isBytes(onnx::GraphProto::kInitializerFieldNumber))
      return true;
    isReplaced = true;
    std::string tensor;
    if (!cutTensor(field.payload, tensor, skeleton.rawData.emplace_back()))
      return false;
    appendField(out, onnx::GraphProto::kInitializerFieldNumber, tensor);
    return true;
  });
}

std::optional<Skeleton> cutRawData(ArrayRef<char> file) {
  Skeleton skeleton;
  bool isWellFormed =
      copyMessage(file, skeleton.bytes, [&](const Field &field, bool &isReplaced) {
        if (!field.isBytes(onnx::ModelProto::kGraphFieldNumber))
          return true;
        isReplaced = true;
        // Graphs in several pieces are joined by the parser, in this order too.
        std::string graph;
        if (!cutGraph(field.payload, graph, skeleton))
          return false;
        appendField(skeleton.bytes, onnx::ModelProto::kGraphFieldNumber, graph);
        return true;
      });
  if (!isWellFormed)
    return std::nullopt;
  return skeleton;
}

} // namespace winnow::import
