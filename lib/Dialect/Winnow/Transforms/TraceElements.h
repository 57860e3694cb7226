//===- TraceElements.h - Where the elements of a tensor come from ---------===//
//
// An element is a tensor and a position in each of its dimensions. Positions are sums of
// counters with factors, so that they can be followed through what moves elements, however
// it was written: flat numbers fall apart into what they were made of.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_TRACEELEMENTS_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_TRACEELEMENTS_H

#include "Utils.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include <memory>
#include <vector>

namespace winnow {

/// `offset + sum of factor * counter`; a counter occurs once.
struct Position {
  struct Term {
    unsigned counter;
    mlir::AffineExpr factor;
  };
  llvm::SmallVector<Term, 2> terms;
  mlir::AffineExpr offset;

  bool isConstant() const { return terms.empty(); }
};
using Positions = llvm::SmallVector<Position>;

struct Element {
  mlir::Value value;
  Positions at;
};

/// Movement and index arithmetic of exporters is no deeper.
inline constexpr unsigned kMaxTraceDepth = 256;

/// The counters of one question about elements, and what they stand for.
class ElementTracer {
public:
  explicit ElementTracer(mlir::Operation *op);

  /// A new counter of 0 to size - 1.
  Position count(mlir::AffineExpr size);
  Position constant(mlir::AffineExpr value) const { return {{}, value}; }
  Position constant(int64_t value) const;

  /// The element that `element` is a copy of, one op up; absent where it is computed.
  std::optional<Element> getSource(const Element &element);
  /// As far up as there is a source.
  Element getOrigin(Element element);
  /// The number that an element of an integer tensor is. What is not arithmetic on
  /// positions is a reading of its own (see getReading).
  Position getNumber(Element element);

  /// The tensor and the place that a counter stands for, if it is a number read there; null
  /// for counters of loops and numbers of constants.
  const Element *getReading(unsigned counter) const {
    return counters[counter].reading ? &*counters[counter].reading : nullptr;
  }
  mlir::AffineExpr getSize(unsigned counter) const { return counters[counter].size; }

  /// The element of an operand, broadcast as numpy does, that is combined to one at `at`.
  Element getOperand(mlir::Operation *op, unsigned number, const Positions &at) const {
    return {op->getOperand(number), align(at, op->getOperand(number))};
  }

  /// With counters that were split replaced by their parts.
  Position normalize(const Position &position) const;
  bool isSame(const Position &a, const Position &b) const;
  bool isSame(const Element &a, const Element &b) const;
  /// `position` with `by` in the place of the one counter that `counter` is.
  Position replace(const Position &position, const Position &counter, const Position &by) const;
  Positions replace(const Positions &positions, const Position &counter, const Position &by) const;
  Position add(const Position &a, const Position &b, int64_t factor = 1) const;

  /// A tensor over `axes`, of which each is one counter: [.., i, ..] of it is the element
  /// `origin`. Axes that do not occur have size 1. Null where slices, reshapes
  /// and transposes do not make it.
  mlir::Value rebuild(mlir::OpBuilder &builder, mlir::Location loc, const Element &origin,
                      llvm::ArrayRef<Position> axes);
  /// The reverse: `value` over `axes` with its elements at `at` in a tensor of `dims`, each
  /// of which is written once.
  mlir::Value arrange(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<Position> axes, const Positions &at,
                      llvm::ArrayRef<mlir::AffineExpr> dims);
  /// All numbers of a position, in row-major order over static axes; absent where they are
  /// not known.
  std::optional<std::vector<int64_t>> evaluate(const Position &position,
                                               llvm::ArrayRef<Position> axes);

  /// Where readings are split as if they were numbers within a dimension, as a table of keys
  /// must be whose rows are numbered one after the other.
  bool assumesInRange = false;

private:
  struct Counter {
    mlir::AffineExpr size; ///< null where it is not known
    std::optional<Element> reading;
    /// The counter is `factor * high + low`.
    std::optional<std::pair<unsigned, unsigned>> parts;
    mlir::AffineExpr factor;
    /// The numbers of a constant, over other counters.
    llvm::SmallVector<unsigned> axes;
    std::shared_ptr<std::vector<int64_t>> numbers;
  };
  struct Division {
    Position quotient, remainder;
  };

  mlir::MLIRContext *context;
  unsigned numSymbols;
  llvm::SmallVector<SymbolInfo> symbols;
  llvm::SmallVector<Counter, 16> counters;

  unsigned addCounter(Counter counter);
  void addTerm(Position &position, unsigned counter, mlir::AffineExpr factor) const;
  Position scale(const Position &position, mlir::AffineExpr factor) const;
  bool isWithin(const Position &position, mlir::AffineExpr size);
  std::optional<Division> divide(Position position, mlir::AffineExpr divisor);
  std::optional<Division> divideNumbers(const Position &position, int64_t divisor);
  std::optional<Positions> getReshaped(llvm::ArrayRef<mlir::AffineExpr> from,
                                       llvm::ArrayRef<mlir::AffineExpr> to, const Positions &at);
  std::optional<Positions> unflatten(Position flat, llvm::ArrayRef<mlir::AffineExpr> dims);
  Positions align(const Positions &at, mlir::Value operand) const;
  Position wrap(const Position &number, mlir::AffineExpr size) const;
  Position fit(std::vector<int64_t> numbers, llvm::ArrayRef<unsigned> axes);
  std::optional<Position> getConstantNumber(const Element &element);
  Position getReadNumber(const Element &element);
  bool collectAxes(const Position &position, llvm::SetVector<unsigned> &axes) const;
  int64_t evaluateAt(const Position &position, const llvm::DenseMap<unsigned, int64_t> &at) const;
};

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_TRACEELEMENTS_H
