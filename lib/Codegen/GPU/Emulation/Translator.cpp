//===- Translator.cpp - Control flow, and who translates what -------------===//

#include "Translator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow::gpu {

unsigned Translator::slotOf(Value value) {
  auto [entry, isNew] = slots.try_emplace(value, program.slots);
  if (isNew)
    program.slots += countWords(value.getType());
  return entry->second;
}

/// One slot for each word of the values.
std::vector<unsigned> Translator::slotsOf(ValueRange values) {
  std::vector<unsigned> result;
  for (Value value : values)
    for (unsigned i = 0, first = slotOf(value); i < countWords(value.getType()); ++i)
      result.push_back(first + i);
  return result;
}

Step Translator::copyWords(unsigned from, unsigned to, unsigned count) {
  return [=](Warp &warp) {
    for (unsigned i = 0; i < count; ++i)
      warp.forEach([&](int lane) { warp.values[to + i][lane] = warp.values[from + i][lane]; });
  };
}

Step Translator::together(Step step) {
  Fault &fault = interpreter.fault;
  return [step = std::move(step), &fault](Warp &warp) {
    if (warp.mask != warp.all)
      return fault.report("what a warp does together is in a branch that not all lanes take");
    step(warp);
  };
}

LogicalResult Translator::translate(Region &body) {
  if (!body.hasOneBlock())
    return body.getParentOp()->emitError("expected structured control flow");
  for (BlockArgument argument : body.getArguments()) {
    program.arguments.push_back(argument.getType());
    program.argumentSlots.push_back(slotOf(argument));
  }
  return translateBlock(body.front(), program.steps);
}

LogicalResult Translator::translateBlock(Block &block, std::vector<Step> &steps) {
  for (Operation &op : block) {
    if (isa<scf::YieldOp, LLVM::ReturnOp, func::ReturnOp>(op))
      continue;
    FailureOr<Step> step = translate(op);
    if (failed(step))
      return op.emitError("cannot be emulated");
    if (*step)
      steps.push_back(std::move(*step));
  }
  return success();
}

FailureOr<Step> Translator::translate(Operation &op) {
  StringRef dialect = op.getName().getDialectNamespace();
  if (isa<UnrealizedConversionCastOp>(op))
    return translateHost(op);
  return llvm::StringSwitch<function_ref<FailureOr<Step>()>>(dialect)
      .Case("scf", [&] { return translateControl(op); })
      .Cases({"arith", "math"}, [&] { return translateArithmetic(op); })
      .Case("llvm", [&] { return translateLLVM(op); })
      .Case("nvvm", [&] { return translateNVVM(op); })
      .Default([&] { return translateHost(op); })();
}

//===----------------------------------------------------------------------===//
// Loops and branches
//===----------------------------------------------------------------------===//

static void run(const std::vector<Step> &steps, Warp &warp, const Fault &fault) {
  for (const Step &step : steps) {
    if (fault.any())
      return;
    step(warp);
  }
}

/// Moves words at once: what is read may be written.
static void move(Warp &warp, const std::vector<unsigned> &from, const std::vector<unsigned> &to) {
  std::vector<Lanes> words;
  for (unsigned slot : from)
    words.push_back(warp.values[slot]);
  for (auto [slot, word] : llvm::zip_equal(to, words))
    warp.forEach([&, slot = slot, &word = word](int lane) { warp.values[slot][lane] = word[lane]; });
}

static int64_t toSigned(uint64_t bits, unsigned width) {
  return width < 64 ? llvm::SignExtend64(bits, width) : static_cast<int64_t>(bits);
}

static unsigned widthOf(Type type) {
  return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
}

Step Translator::translateLoop(scf::ForOp op, std::vector<Step> body) {
  unsigned begin = slotOf(op.getLowerBound()), end = slotOf(op.getUpperBound()),
           by = slotOf(op.getStep()), at = slotOf(op.getInductionVar());
  unsigned width = widthOf(op.getInductionVar().getType());
  auto inits = slotsOf(op.getInitArgs()), carried = slotsOf(op.getRegionIterArgs()),
       yields = slotsOf(op.getBody()->getTerminator()->getOperands()),
       results = slotsOf(op.getResults());
  Fault &fault = interpreter.fault;
  return [=, body = std::move(body), &fault](Warp &warp) {
    uint32_t mask = warp.mask;
    move(warp, inits, carried);
    warp.forEach([&](int lane) { warp.values[at][lane] = warp.values[begin][lane]; });
    while (!fault.any()) {
      uint32_t goOn = 0;
      warp.forEach([&](int lane) {
        if (toSigned(warp.values[at][lane], width) < toSigned(warp.values[end][lane], width))
          goOn |= 1u << lane;
      });
      warp.mask = goOn;
      if (!goOn)
        break;
      run(body, warp, fault);
      move(warp, yields, carried);
      warp.forEach([&](int lane) { warp.values[at][lane] += warp.values[by][lane]; });
    }
    warp.mask = mask;
    move(warp, carried, results);
  };
}

Step Translator::translateBranch(scf::IfOp op, std::vector<Step> yes, std::vector<Step> no) {
  unsigned condition = slotOf(op.getCondition());
  auto results = slotsOf(op.getResults());
  std::vector<unsigned> yields, otherwise;
  if (op.getNumResults()) {
    yields = slotsOf(op.thenYield().getOperands());
    otherwise = slotsOf(op.elseYield().getOperands());
  }
  Fault &fault = interpreter.fault;
  return [=, yes = std::move(yes), no = std::move(no), &fault](Warp &warp) {
    uint32_t mask = warp.mask, taken = 0;
    warp.forEach([&](int lane) { taken |= (warp.values[condition][lane] & 1) << lane; });
    warp.mask = taken;
    if (taken) {
      run(yes, warp, fault);
      move(warp, yields, results);
    }
    warp.mask = mask & ~taken;
    if (warp.mask) {
      run(no, warp, fault);
      move(warp, otherwise, results);
    }
    warp.mask = mask;
  };
}

FailureOr<Step> Translator::translateControl(Operation &op) {
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    std::vector<Step> body;
    slotOf(loop.getInductionVar());
    if (failed(translateBlock(*loop.getBody(), body)))
      return failure();
    return translateLoop(loop, std::move(body));
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    std::vector<Step> yes, no;
    if (failed(translateBlock(*branch.thenBlock(), yes)) ||
        (branch.elseBlock() && failed(translateBlock(*branch.elseBlock(), no))))
      return failure();
    return translateBranch(branch, std::move(yes), std::move(no));
  }
  return failure();
}

} // namespace winnow::gpu
