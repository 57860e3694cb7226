//===- ModelMutator.h - Random changes to ONNX models ---------------------===//

#ifndef WINNOW_TEST_FUZZ_MODELMUTATOR_H
#define WINNOW_TEST_FUZZ_MODELMUTATOR_H

#include "winnow_onnx.pb.h"

#include "llvm/ADT/StringRef.h"

#include <random>
#include <string>
#include <vector>

namespace winnow::fuzz {

/// Changes a model that parses into another one that parses: dimensions, types,
/// names, attributes, constants, and which nodes there are and what they read.
/// Most results are still near enough to a model to get past the first checks.
class ModelMutator {
public:
  ModelMutator(onnx::ModelProto &model, unsigned seed) : model(model), random(seed) {}

  /// One random change.
  void mutate();
  /// Copies a node of another model, and the constants it reads, into this one.
  void graft(const onnx::ModelProto &other);

private:
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  int below(int bound) { return static_cast<int>(random() % std::max(bound, 1)); }
  bool oneIn(int n) { return below(n) == 0; }
  template <typename T> T *pick(google::protobuf::RepeatedPtrField<T> *field);
  int64_t pickInteger();
  std::string pickString();

  /// The lists of nodes: the graph's, its branches' and the functions'.
  std::vector<Nodes *> getNodeLists();
  onnx::NodeProto *pickNode();
  std::string pickValue();

  void changeNodes(Nodes &nodes);
  void importDomain(llvm::StringRef domain);
  void changeEdges(onnx::NodeProto &node);
  void changeAttribute(onnx::NodeProto &node);
  void fill(onnx::AttributeProto &attr);
  void changeTensor(onnx::TensorProto &tensor);
  void changeType(onnx::ValueInfoProto &value);
  void changeBorder();
  void changeVersions();
  void makeConstant();
  void makeExternal(onnx::TensorProto &tensor);
  void makeSparse();
  void wrap(onnx::NodeProto &node);

  onnx::ModelProto &model;
  std::minstd_rand random;
};

} // namespace winnow::fuzz

#endif // WINNOW_TEST_FUZZ_MODELMUTATOR_H
