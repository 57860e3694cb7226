//===- Cases.cpp - Runs of kernels, against what they should compute ------===//

#include "Cases.h"

#include "../../lib/Codegen/GPU/Emulation/Interpreter.h"

#include <cstring>

using namespace mlir;

namespace winnow::gpu {

int64_t Buffer::size() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}
int64_t Buffer::place(int64_t at) const {
  int64_t result = offset;
  for (size_t i = shape.size(); i > 0; --i) {
    result += at % shape[i - 1] * strides[i - 1];
    at /= shape[i - 1];
  }
  return result;
}
static uint64_t getBits(const Buffer &buffer, int64_t at) {
  at = buffer.place(at);
  uint64_t bits = 0;
  size_t size = sizeOf(buffer.element);
  std::memcpy(&bits, buffer.data + at * size, size);
  return bits;
}
static void setBits(Buffer &buffer, int64_t at, uint64_t bits) {
  at = buffer.place(at);
  size_t size = sizeOf(buffer.element);
  std::memcpy(buffer.data + at * size, &bits, size);
}
double Buffer::get(int64_t at) const { return toDouble(element, getBits(*this, at)); }
void Buffer::set(int64_t at, double value) { setBits(*this, at, fromDouble(element, value)); }
int64_t Buffer::getInteger(int64_t at) const { return getBits(*this, at); }
void Buffer::setInteger(int64_t at, int64_t value) { setBits(*this, at, value); }

StringRef Run::kind() const { return config.getAs<StringAttr>("kind").getValue(); }
bool Run::flag(StringRef name) const {
  auto attr = config.getAs<BoolAttr>(name);
  return attr && attr.getValue();
}
double Run::real(StringRef name) const {
  auto attr = config.getAs<FloatAttr>(name);
  return attr ? attr.getValueAsDouble() : 0;
}
int64_t Run::integer(StringRef name) const {
  auto attr = config.getAs<IntegerAttr>(name);
  return attr ? attr.getInt() : 0;
}
StringRef Run::string(StringRef name, StringRef fallback) const {
  auto attr = config.getAs<StringAttr>(name);
  return attr ? attr.getValue() : fallback;
}
double Run::uniform(double low, double high) {
  return low + (high - low) * (random() / 4294967296.0);
}
double Run::round(double value) const {
  float single = static_cast<float>(value);
  MLIRContext *context = config.getContext();
  switch (precision) {
  case Precision::FP32:
    return single;
  case Precision::TF32:
    return roundToTF32(single);
  case Precision::BF16:
    return toDouble(BFloat16Type::get(context), fromDouble(BFloat16Type::get(context), single));
  case Precision::FP16:
    return toDouble(Float16Type::get(context), fromDouble(Float16Type::get(context), single));
  }
  llvm_unreachable("unknown precision");
}

/// Of a memref, what its descriptor holds.
static void addDescriptor(SmallVectorImpl<uint64_t> &words, const Buffer &buffer) {
  words.append(2, reinterpret_cast<uint64_t>(buffer.data));
  words.push_back(buffer.offset);
  llvm::append_range(words, buffer.shape);
  llvm::append_range(words, buffer.strides);
}

static LogicalResult compare(func::FuncOp kernel, const Run &run, const Expected &expected,
                             const std::string &shapes) {
  const Buffer &out = run.buffers.back();
  double worst = 0;
  for (int64_t i = 0; i < out.size(); ++i) {
    double got = out.get(i), want = expected.values[i], allowed = expected.tolerances[i];
    if (std::isinf(allowed) || (std::isnan(want) && std::isnan(got)) || got == want)
      continue;
    double error = std::abs(got - want);
    if (!(error <= allowed)) {
      InFlightDiagnostic report = kernel.emitError();
      report << "element " << i << " of [" << shapes << "]: expected " << std::to_string(want)
             << " +- " << std::to_string(allowed) << ", got " << std::to_string(got);
      return report;
    }
    worst = std::max(worst, error / allowed);
  }
  llvm::outs() << "ok " << kernel.getName() << " [" << shapes << "] "
               << llvm::format("%.2f", worst) << " of tolerance\n";
  return success();
}

static LogicalResult runCase(func::FuncOp kernel, ArrayAttr shapes, Precision precision) {
  Interpreter interpreter(kernel->getParentOfType<ModuleOp>());
  Run run{kernel->getAttrOfType<DictionaryAttr>("winnow.kernel"), precision, {}, std::mt19937(7)};
  SmallVector<uint64_t> words;
  std::string text;
  for (auto [type, shape] : llvm::zip_equal(kernel.getArgumentTypes(), shapes)) {
    auto memref = cast<MemRefType>(type);
    Buffer buffer;
    buffer.element = memref.getElementType();
    text += text.empty() ? "" : ", ";
    for (auto [i, extent] : llvm::enumerate(cast<ArrayAttr>(shape).getAsRange<IntegerAttr>())) {
      buffer.shape.push_back(extent.getInt());
      text += (i ? "x" : "") + std::to_string(extent.getInt());
      if (!memref.isDynamicDim(i) && memref.getDimSize(i) != extent.getInt())
        return kernel.emitError("expected shapes of the types in 'test.shapes'");
    }
    if (failed(memref.getStridesAndOffset(buffer.strides, buffer.offset)) ||
        ShapedType::isDynamic(buffer.offset))
      return kernel.emitError("expected memrefs with strides");
    // Unknown strides leave no gaps.
    for (size_t i = buffer.strides.size(); i > 0; --i)
      if (ShapedType::isDynamic(buffer.strides[i - 1]))
        buffer.strides[i - 1] = buffer.strides[i] * buffer.shape[i];
    int64_t elements = buffer.size() ? buffer.place(buffer.size() - 1) + 1 : 0;
    buffer.data = interpreter.getMemory().allocate(elements * sizeOf(buffer.element));
    for (int64_t i = 0; i < buffer.size(); ++i)
      if (isa<FloatType>(buffer.element))
        buffer.set(i, run.uniform(-1, 1));
    addDescriptor(words, buffer);
    run.buffers.push_back(buffer);
  }
  fillInputs(run);
  Buffer &out = run.buffers.back();
  // What is not written is no number.
  for (int64_t i = 0; i < out.size(); ++i)
    if (isa<FloatType>(out.element))
      out.set(i, std::numeric_limits<double>::quiet_NaN());
  interpreter.call(kernel.getName(), words);
  if (interpreter.getFault().any())
    return kernel.emitError("[" + text + "]: " + interpreter.getFault().message());
  FailureOr<Expected> expected = computeReference(run);
  if (failed(expected))
    return kernel.emitError("no reference for this kind");
  return compare(kernel, run, *expected, text);
}

LogicalResult runCases(ModuleOp module, Precision precision) {
  bool ok = true;
  for (auto kernel : module.getOps<func::FuncOp>()) {
    auto runs = kernel->getAttrOfType<ArrayAttr>("test.shapes");
    if (!runs)
      continue;
    if (kernel.isDeclaration()) {
      kernel.emitError("no builder takes this configuration");
      ok = false;
      continue;
    }
    for (auto shapes : runs.getAsRange<ArrayAttr>())
      ok &= succeeded(runCase(kernel, shapes, precision));
  }
  return success(ok);
}

} // namespace winnow::gpu
