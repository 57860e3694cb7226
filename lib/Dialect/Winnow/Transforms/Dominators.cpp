#include "Dominators.h"

using namespace mlir;
using namespace winnow;

Dominators::Dominators(ValueRange values, Block *block, function_ref<bool(Operation *)> isKnown)
    : block(block), isKnown(isKnown) {
  for (Value value : values)
    add(value);
}

void Dominators::add(Value value) {
  if (PolynomialForms::isConstantTree(value))
    return;
  if (!llvm::is_contained(frontier, value))
    frontier.push_back(value);
  // A value from outside of the block has no place in its order.
  if (value.getParentBlock() != block)
    numOps = kMaxOps;
}

Value Dominators::next() {
  while (!frontier.empty()) {
    if (frontier.size() == 1 && frontier.front() != last)
      return last = frontier.front();
    auto *latest = llvm::max_element(frontier, [](Value a, Value b) {
      Operation *first = a.getDefiningOp(), *second = b.getDefiningOp();
      return !first ? bool(second) : second && first->isBeforeInBlock(second);
    });
    Operation *op = latest->getDefiningOp();
    if (!op || !isKnown(op) || ++numOps > kMaxOps)
      return nullptr;
    frontier.erase(latest);
    for (Value operand : op->getOperands())
      add(operand);
  }
  return nullptr;
}
