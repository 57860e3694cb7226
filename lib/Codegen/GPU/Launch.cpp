//===- Launch.cpp - Launches as calls of the runtime ----------------------===//

#include "Launch.h"

using namespace mlir;

namespace winnow::gpu {

mlir::gpu::GPUModuleOp getDeviceModule(ModuleOp module) {
  if (auto device = module.lookupSymbol<mlir::gpu::GPUModuleOp>(kDeviceModule))
    return device;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  return mlir::gpu::GPUModuleOp::create(b, module.getLoc(), kDeviceModule);
}

int32_t getKernelNumber(ModuleOp module, StringRef kernel) {
  Builder b(module.getContext());
  SmallVector<Attribute> names;
  if (auto known = module->getAttrOfType<ArrayAttr>(kDeviceKernels))
    llvm::append_range(names, known);
  auto name = b.getStringAttr(kernel);
  auto at = llvm::find(names, name);
  int32_t number = at - names.begin();
  if (at == names.end()) {
    names.push_back(name);
    module->setAttr(kDeviceKernels, b.getArrayAttr(names));
  }
  return number;
}

func::FuncOp declareRuntime(ModuleOp module, StringRef name, TypeRange arguments,
                            TypeRange results) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto function = func::FuncOp::create(b, module.getLoc(), name,
                                       b.getFunctionType(arguments, results));
  function.setPrivate();
  return function;
}

Value makeRoom(OpBuilder &b, Location loc, Type type) {
  auto caller = b.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(caller))
    caller = caller->getParentOfType<func::FuncOp>();
  OpBuilder entry = OpBuilder::atBlockBegin(&cast<func::FuncOp>(caller).getBody().front());
  Value one = LLVM::ConstantOp::create(entry, loc, entry.getI64Type(), entry.getI64IntegerAttr(1));
  return LLVM::AllocaOp::create(entry, loc, LLVM::LLVMPointerType::get(b.getContext()), type, one);
}

/// Room on the host's stack with the map of a tensor at an address.
static Value emitTensorMap(ImplicitLocOpBuilder &b, Value address, const TensorMapSource &source) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  Value room = makeRoom(b, b.getLoc(), LLVM::LLVMArrayType::get(b.getI64Type(), 16));
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  // The driver's numbers of types.
  constexpr int64_t kF16 = 6, kBF16 = 9;
  SmallVector<Value> operands = {room, address, number(source.element.isBF16() ? kBF16 : kF16)};
  llvm::append_range(operands, source.extents);
  llvm::append_range(operands, source.strides);
  for (int64_t extent : source.box)
    operands.push_back(number(extent));
  auto runtime = declareRuntime(module, "winnow_rt_tensor_map", ValueRange(operands).getTypes());
  func::CallOp::create(b, runtime, operands);
  return room;
}

void emitLaunch(ImplicitLocOpBuilder &b, const KernelLaunch &launch) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto ptr = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type(), i32 = b.getI32Type();
  auto fields = LLVM::LLVMStructType::getLiteral(
      b.getContext(), llvm::to_vector(ValueRange(launch.arguments).getTypes()));
  auto pointers = LLVM::LLVMArrayType::get(ptr, std::max<size_t>(launch.arguments.size(), 1));
  Value values = makeRoom(b, b.getLoc(), fields), table = makeRoom(b, b.getLoc(), pointers);
  for (auto [i, argument] : llvm::enumerate(launch.arguments)) {
    Value slot = LLVM::GEPOp::create(b, ptr, fields, values, ArrayRef<LLVM::GEPArg>{0, int32_t(i)});
    LLVM::StoreOp::create(b, argument, slot);
    Value entry =
        LLVM::GEPOp::create(b, ptr, pointers, table, ArrayRef<LLVM::GEPArg>{0, int32_t(i)});
    const auto *map = llvm::find_if(launch.tensorMaps,
                                    [i = i](const auto &map) { return map.first == i; });
    if (map != launch.tensorMaps.end())
      slot = emitTensorMap(b, argument, map->second);
    LLVM::StoreOp::create(b, slot, entry);
  }
  auto number = [&](Type type, int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
  };
  SmallVector<Value> operands = {number(i32, getKernelNumber(module, launch.kernel))};
  for (Value count : launch.grid)
    operands.push_back(arith::IndexCastOp::create(b, i64, count));
  for (int32_t count : launch.block)
    operands.push_back(number(i32, count));
  operands.push_back(number(i32, launch.sharedBytes));
  operands.push_back(table);
  auto runtime = declareRuntime(module, "winnow_rt_launch", ValueRange(operands).getTypes());
  func::CallOp::create(b, runtime, operands);
}

} // namespace winnow::gpu
