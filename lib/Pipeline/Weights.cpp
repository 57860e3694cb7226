#include "ModuleFacts.h"

#include "winnow/Conversion/WeightParts.h"
#include "winnow/Support/PackedWeights.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace winnow;

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
  ElementsAttr elements = getPartElements(part);
  Type type = elements.getElementType();
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  if (resource && type.isF32() && !isa<ArrayAttr>(part) &&
      reinterpret_cast<uintptr_t>(resource.getData().data()) % alignof(float) == 0)
    return reinterpret_cast<const float *>(resource.getData().data());
  SmallVector<char> bytes;
  llvm::raw_svector_ostream stream(bytes);
  writeWeightPart(part, stream);
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

/// The rows [basis, channel] of a weight [k, n] in the order [block of channels, basis, channel of the
/// block], the last block smaller.
static SmallVector<int64_t> orderByChannels(int64_t k, int64_t bases, int64_t channels) {
  SmallVector<int64_t> order;
  int64_t count = k / bases;
  for (int64_t first = 0; first < count; first += channels)
    for (int64_t basis = 0; basis < bases; ++basis)
      for (int64_t channel = first; channel < std::min(first + channels, count); ++channel)
        order.push_back(basis * count + channel);
  return order;
}

/// Panels [ceil(N / nr)][k][nr] of the parts side by side, zero padded, with their rows in an order.
/// One panel is gathered in memory at a time.
static void writePanels(ArrayRef<Part> parts, ArrayRef<int64_t> order, int64_t n, int64_t nr,
                        raw_ostream &os) {
  int64_t k = order.size();
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
            panel[row * nr + column - begin] = part.at(order[row], column - partBegin);
      } else {
        for (int64_t row = 0; row < k; ++row)
          for (int64_t column = first; column < last; ++column)
            panel[row * nr + column - begin] = part.at(order[row], column - partBegin);
      }
      partBegin += part.n;
    }
    os.write(reinterpret_cast<const char *>(panel.data()), panel.size() * sizeof(float));
  }
}

/// Calls `body` with each column of the parts, and with the part and the column of it.
static void forColumns(ArrayRef<BytePart> parts, int64_t begin, int64_t end,
                       llvm::function_ref<void(int64_t, const BytePart &, int64_t)> body) {
  int64_t partBegin = 0;
  for (const BytePart &part : parts) {
    int64_t last = std::min(end, partBegin + part.n);
    for (int64_t column = std::max(begin, partBegin); column < last; ++column)
      body(column, part, column - partBegin);
    partBegin += part.n;
  }
}

/// Panels [ceil(N / nr)][words of a column][nr] of words, as PackedWeights says. With `multiplied`,
/// numbers are divided by the multiplier of their block. `bias` is added; zero padded.
static void writeWordPanels(ArrayRef<BytePart> parts, DictionaryAttr layout, raw_ostream &os) {
  auto number = [&](StringRef name) { return layout.getAs<IntegerAttr>(name).getInt(); };
  int64_t k = number("k"), n = number("n"), nr = number("nr"), bias = number("bias");
  bool multiplied = layout.getAs<BoolAttr>("multiplied").getValue();
  PackedWeights packed(number("bits"));
  int64_t groups = llvm::divideCeil(k, packed.groupSize()), words = packed.groupWords();
  SmallVector<uint32_t> panel(groups * words * nr);
  SmallVector<int8_t> numbers;
  auto put = [&](int64_t column) {
    for (int64_t i = 0, end = groups * packed.groupSize(); i < end; ++i) {
      int64_t number = i < static_cast<int64_t>(numbers.size()) ? numbers[i] : 0;
      packed.put(&panel[i / packed.groupSize() * words * nr + column], nr, i % packed.groupSize(),
                 number + bias);
    }
  };
  for (int64_t begin = 0; begin < n; begin += nr) {
    std::fill(panel.begin(), panel.end(), 0);
    forColumns(parts, begin, std::min(begin + nr, n), [&](int64_t column, const BytePart &part, int64_t own) {
      part.getColumn(own, numbers);
      if (multiplied)
        for (int64_t at = 0; at < k; at += kRoundingBlock) {
          auto block = MutableArrayRef(numbers).slice(at, std::min(kRoundingBlock, k - at));
          int multiplier = findMultiplier(block);
          for (int8_t &number : block)
            number /= multiplier;
        }
      put(column - begin);
    });
    numbers.clear();
    for (int64_t column = n - begin; column < nr; ++column)
      put(column);
    os.write(reinterpret_cast<const char *>(panel.data()), panel.size() * sizeof(uint32_t));
  }
}

/// The multipliers of `multiplied` panels, [ceil(N / nr)][blocks][nr] of bytes.
static void writeMultipliers(ArrayRef<BytePart> parts, DictionaryAttr layout, raw_ostream &os) {
  auto number = [&](StringRef name) { return layout.getAs<IntegerAttr>(name).getInt(); };
  int64_t k = number("k"), n = number("n"), nr = number("nr");
  int64_t blocks = llvm::divideCeil(k, kRoundingBlock);
  SmallVector<int8_t> numbers;
  for (int64_t begin = 0; begin < n; begin += nr) {
    std::vector<char> panel(blocks * nr, 1);
    forColumns(parts, begin, std::min(begin + nr, n), [&](int64_t column, const BytePart &part, int64_t own) {
      part.getColumn(own, numbers);
      for (int64_t i = 0; i < blocks; ++i)
        panel[i * nr + column - begin] = findMultiplier(
            ArrayRef(numbers).slice(i * kRoundingBlock, std::min(kRoundingBlock, k - i * kRoundingBlock)));
    });
    os.write(panel.data(), panel.size());
  }
}

/// The sum of each column's stored bytes, as i32.
static void writeColumnSums(ArrayRef<BytePart> parts, DictionaryAttr, raw_ostream &os) {
  for (const BytePart &part : parts)
    for (int64_t column = 0; column < part.n; ++column) {
      int32_t sum = 0;
      for (int64_t row = 0; row < part.k; ++row)
        sum += part.at(row, column);
      os.write(reinterpret_cast<const char *>(&sum), sizeof sum);
    }
}

using BytesWriter = void (*)(ArrayRef<BytePart>, DictionaryAttr, raw_ostream &);

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
                        llvm::all_of(parts, isWeightPart);
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
          writeWeightPart(part, os);
      };
    } else if (kind.getValue() == "panels") {
      int64_t k = layout.getAs<IntegerAttr>("k").getInt(), n = layout.getAs<IntegerAttr>("n").getInt();
      int64_t nr = layout.getAs<IntegerAttr>("nr").getInt();
      bool transposed = layout.getAs<BoolAttr>("transposed").getValue();
      auto bases = layout.getAs<IntegerAttr>("bases"), channels = layout.getAs<IntegerAttr>("channels");
      SmallVector<int64_t> order = orderByChannels(k, bases ? bases.getInt() : 1,
                                                   channels ? channels.getInt() : std::max<int64_t>(k, 1));
      entry.write = [parts, k, n, nr, transposed, order](raw_ostream &os) {
        std::vector<std::vector<float>> storage(parts.size());
        SmallVector<Part> views;
        for (auto [i, attr] : llvm::enumerate(parts)) {
          int64_t partN = getPartElements(attr).getNumElements() / std::max<int64_t>(k, 1);
          views.push_back({getFloats(attr, storage[i]), k, partN, transposed});
        }
        writePanels(views, order, n, nr, os);
      };
    } else if (auto write = llvm::StringSwitch<BytesWriter>(kind.getValue())
                                .Case("word_panels", writeWordPanels)
                                .Case("multipliers", writeMultipliers)
                                .Case("column_sums", writeColumnSums)
                                .Default(nullptr)) {
      entry.write = [parts, layout, write](raw_ostream &os) {
        write(readByteParts(parts.getValue(), layout), layout, os);
      };
    } else {
      return module.emitError("expected a weight layout dense, panels, word_panels, "
                              "multipliers or column_sums, got ")
             << kind;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}
