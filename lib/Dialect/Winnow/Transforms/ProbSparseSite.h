//===- ProbSparseSite.h - ProbSparse attention that an exporter took apart -===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_PROBSPARSESITE_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_PROBSPARSESITE_H

#include "AttentionScores.h"
#include "TraceElements.h"

namespace winnow {

/// `max(S) - sum(S) / divisor` along one dimension, at a query.
struct Measure {
  ReduceOp max, total;
  Element maxAt, totalAt;
  mlir::Value divisor;     ///< null where the total is a mean
  double divisorScale = 1; ///< the sum is multiplied by its inverse
};

/// One raising attempt; every step returns its refusal.
struct ProbSparseSite {
  ProbSparseSite(mlir::Operation *scatter, AttentionOp attention)
      : scatter(scatter), attention(attention), tracer(attention) {}

  mlir::Operation *scatter; ///< a scatter_nd or a scatter_elements
  AttentionOp attention;
  ElementTracer tracer;
  TopKOp topk;

  // What is counted: batches, heads, queries, kept queries, keys, samples, elements of
  // a head and of its values.
  Position batch, head, query, kept, key, sample, element, valueElement;
  Position top; ///< the query of a kept one
  Element topAt;
  Element queryOrigin, valueOrigin;
  Position table;
  mlir::AffineExpr samples;
  mlir::FloatAttr divisor;
  Positions rowsAt; ///< where a row is in the scatter's result
  bool isCumSum = false;
  double scale = 1, firstScale = 1;

  std::optional<Refusal> matchQuery();
  std::optional<Refusal> matchMeasure();
  std::optional<Refusal> matchKeys(Element keys);
  std::optional<Refusal> matchRows();
  std::optional<Refusal> matchRest();
  std::optional<Refusal> build(std::string &sentence);

  std::optional<Refusal> matchDivisor(const Measure &measure);
  const Position::Term *findTop(const Positions &at);
  mlir::Value buildTable(mlir::OpBuilder &builder);
  mlir::Value buildMask(mlir::OpBuilder &builder, Element mask, unsigned depth = 0);
  mlir::Value foldMask(mlir::OpBuilder &builder, const Element &origin);
  bool isCausalOnly(mlir::OpBuilder &builder, mlir::Value rows, mlir::Value mask);
};

/// Whether a topk is of what only ProbSparse attention measures.
bool isProbSparseChoice(TopKOp op);
/// Counters for all dimensions of a tensor.
Positions countAll(ElementTracer &tracer, mlir::Value value);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_PROBSPARSESITE_H
