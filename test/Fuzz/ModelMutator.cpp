#include "ModelMutator.h"

#include "winnow/Import/ONNX/Import.h"

#include <cstring>

namespace winnow::fuzz {

using onnx::AttributeProto;
using onnx::NodeProto;
using onnx::TensorProto;

//===----------------------------------------------------------------------===//
// What is written into models
//===----------------------------------------------------------------------===//

static constexpr int64_t kIntegers[] = {
    0,  1,  -1,  2,   -2,   3,    -3,        4,         5,         7,
    8,  16, 31,  32,  33,   64,   255,       256,       1024,      65536,
    1 << 20, INT32_MAX, INT32_MIN, int64_t(1) << 31, int64_t(1) << 32, int64_t(1) << 40,
    int64_t(1) << 46, int64_t(1) << 62, INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1};

static const char *const kStrings[] = {
    "",        "constant", "reflect", "edge",      "wrap",         "SAME_UPPER", "SAME_LOWER",
    "VALID",   "NOTSET",   "add",     "mul",       "max",          "min",        "none",
    "tanh",    "CRD",      "DCR",     "ij,jk->ik", "...ij->...ji", "i->",        "ii->i",
    "...,...", "ij->ijk",  "linear",  "nearest",   "cubic",        "forward",    "reverse",
    "bidirectional",       "%s%n",    "a'b\"c\n",  "../x",         "\xff\xfe"};

static const char *const kAttributes[] = {
    "axis",         "axes",          "perm",          "to",
    "keepdims",     "alpha",         "beta",          "transA",
    "transB",       "epsilon",       "kernel_shape",  "strides",
    "pads",         "dilations",     "auto_pad",      "group",
    "ceil_mode",    "mode",          "value",         "value_int",
    "value_ints",   "value_float",   "value_floats",  "sparse_value",
    "equation",     "blocksize",     "batch_dims",    "reduction",
    "largest",      "sorted",        "k",             "select_last_index",
    "exclusive",    "reverse",       "upper",         "allowzero",
    "start",        "end",           "starts",        "ends",
    "split",        "num_outputs",   "fmod",          "detect_negative",
    "block_size",   "output_dtype",  "num_heads",     "q_num_heads",
    "kv_num_heads", "is_causal",     "softcap",       "scale",
    "interleaved",  "num_groups",    "stash_type",    "training_mode",
    "output_shape", "output_padding", "count_include_pad", "noop_with_empty_axes",
    "approximate",  "rotary_embedding_dim", "direction", "hidden_size"};

template <typename T, size_t n> static const T &choose(const T (&items)[n], unsigned number) {
  return items[number % n];
}

int64_t ModelMutator::pickInteger() {
  // Small ones make models that get far.
  return oneIn(3) ? choose(kIntegers, random()) : below(10) - 4;
}

std::string ModelMutator::pickString() { return choose(kStrings, random()); }

template <typename T> T *ModelMutator::pick(google::protobuf::RepeatedPtrField<T> *field) {
  return field->empty() ? nullptr : field->Mutable(below(field->size()));
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

std::vector<ModelMutator::Nodes *> ModelMutator::getNodeLists() {
  std::vector<Nodes *> lists = {model.mutable_graph()->mutable_node()};
  for (onnx::FunctionProto &function : *model.mutable_functions())
    lists.push_back(function.mutable_node());
  for (size_t i = 0; i < lists.size(); ++i)
    for (NodeProto &node : *lists[i])
      for (AttributeProto &attr : *node.mutable_attribute())
        if (attr.has_g())
          lists.push_back(attr.mutable_g()->mutable_node());
  return lists;
}

NodeProto *ModelMutator::pickNode() {
  std::vector<Nodes *> lists = getNodeLists();
  return pick(lists[below(lists.size())]);
}

/// The name of some input, constant or result.
std::string ModelMutator::pickValue() {
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto &input : model.graph().input())
    names.push_back(input.name());
  for (const TensorProto &tensor : model.graph().initializer())
    names.push_back(tensor.name());
  for (Nodes *nodes : getNodeLists())
    for (const NodeProto &node : *nodes)
      names.insert(names.end(), node.output().begin(), node.output().end());
  return names.empty() ? "" : names[below(names.size())];
}

void ModelMutator::changeNodes(Nodes &nodes) {
  if (nodes.empty())
    return;
  int at = below(nodes.size());
  switch (below(4)) {
  case 0:
    nodes.DeleteSubrange(at, 1);
    break;
  case 1:
    nodes.SwapElements(at, below(nodes.size()));
    break;
  case 2: {
    // Under a new name, put where it was.
    NodeProto copy = nodes.Get(at);
    for (std::string &output : *copy.mutable_output())
      output += output.empty() ? "" : "_";
    *nodes.Add() = copy;
    break;
  }
  default:
    wrap(*nodes.Mutable(at));
  }
}

/// Only the default domain has more versions than one.
void ModelMutator::importDomain(llvm::StringRef domain) {
  for (const onnx::OperatorSetIdProto &opset : model.opset_import())
    if (llvm::StringRef(opset.domain()) == domain)
      return;
  if (domain.empty())
    return;
  onnx::OperatorSetIdProto *opset = model.add_opset_import();
  opset->set_domain(domain.str());
  opset->set_version(1);
}

void ModelMutator::changeEdges(NodeProto &node) {
  static const std::vector<SupportedOperator> kOperators = getSupportedOperators();
  switch (below(6)) {
  case 0: {
    const SupportedOperator &op = kOperators[below(kOperators.size())];
    node.set_op_type(op.name.str());
    node.set_domain(op.domain.str());
    importDomain(op.domain);
    break;
  }
  case 1:
  case 2:
    if (std::string *input = pick(node.mutable_input()))
      *input = oneIn(4) ? "" : pickValue();
    break;
  case 3:
    node.add_input(pickValue());
    break;
  case 4:
    if (node.input_size())
      node.mutable_input()->RemoveLast();
    break;
  default:
    if (std::string *output = pick(node.mutable_output()))
      *output = oneIn(2) ? pickValue() : pickString();
    else
      node.add_output("extra");
  }
}

/// Puts the node into the branch of an If that is always taken, or into a
/// function that it calls.
void ModelMutator::wrap(NodeProto &node) {
  NodeProto inner = node, outer;
  if (oneIn(2)) {
    TensorProto *condition = model.mutable_graph()->add_initializer();
    condition->set_name("condition" + std::to_string(below(1000)));
    condition->set_data_type(TensorProto::BOOL);
    condition->add_int32_data(below(2));
    outer.set_op_type("If");
    outer.add_input(condition->name());
    for (const char *name : {"then_branch", "else_branch"}) {
      AttributeProto *attr = outer.add_attribute();
      attr->set_name(name);
      attr->set_type(AttributeProto::GRAPH);
      NodeProto *copy = attr->mutable_g()->add_node();
      *copy = inner;
      for (std::string &output : *copy->mutable_output()) {
        output += "_" + std::string(name);
        attr->mutable_g()->add_output()->set_name(output);
      }
    }
  } else {
    onnx::FunctionProto *function = model.add_functions();
    function->set_name("F" + std::to_string(below(1000)));
    function->set_domain("local");
    *function->mutable_opset_import() = model.opset_import();
    *function->mutable_input() = inner.input();
    *function->mutable_output() = inner.output();
    *function->add_node() = inner;
    outer.set_op_type(function->name());
    outer.set_domain("local");
    *outer.mutable_input() = inner.input();
    onnx::OperatorSetIdProto *opset = model.add_opset_import();
    opset->set_domain("local");
    opset->set_version(1);
  }
  *outer.mutable_output() = inner.output();
  node = outer;
}

void ModelMutator::fill(AttributeProto &attr) {
  switch (below(6)) {
  case 0:
    attr.set_type(AttributeProto::FLOAT);
    attr.set_f(oneIn(4) ? std::numeric_limits<float>::quiet_NaN() : float(pickInteger()) / 2);
    break;
  case 1:
    attr.set_type(AttributeProto::STRING);
    attr.set_s(pickString());
    break;
  case 2:
    attr.set_type(AttributeProto::TENSOR);
    if (const TensorProto *tensor = pick(model.mutable_graph()->mutable_initializer()))
      *attr.mutable_t() = *tensor;
    changeTensor(*attr.mutable_t());
    break;
  case 3: {
    attr.set_type(AttributeProto::INTS);
    for (int i = below(5); i > 0; --i)
      attr.add_ints(pickInteger());
    break;
  }
  default:
    attr.set_type(AttributeProto::INT);
    attr.set_i(pickInteger());
  }
}

void ModelMutator::changeAttribute(NodeProto &node) {
  AttributeProto *attr = pick(node.mutable_attribute());
  if (!attr || oneIn(4)) {
    attr = node.add_attribute();
    attr->set_name(choose(kAttributes, random()));
    return fill(*attr);
  }
  if (oneIn(10)) {
    node.mutable_attribute()->DeleteSubrange(below(node.attribute_size()), 1);
    return;
  }
  if (oneIn(10)) {
    std::string name = attr->name();
    attr->Clear();
    attr->set_name(name);
    return fill(*attr);
  }
  switch (attr->type()) {
  case AttributeProto::INT:
    return attr->set_i(pickInteger());
  case AttributeProto::STRING:
    return attr->set_s(pickString());
  case AttributeProto::TENSOR:
    return changeTensor(*attr->mutable_t());
  case AttributeProto::INTS:
    if (attr->ints_size() && oneIn(4))
      return attr->mutable_ints()->RemoveLast();
    if (!attr->ints_size() || oneIn(4))
      return attr->add_ints(pickInteger());
    return attr->set_ints(below(attr->ints_size()), pickInteger());
  case AttributeProto::FLOAT:
    return attr->set_f(float(pickInteger()) / 2);
  default:
    return attr->set_type(static_cast<AttributeProto::AttributeType>(below(12)));
  }
}

//===----------------------------------------------------------------------===//
// Tensors and types
//===----------------------------------------------------------------------===//

void ModelMutator::makeExternal(TensorProto &tensor) {
  tensor.set_data_location(TensorProto::EXTERNAL);
  tensor.clear_raw_data();
  auto add = [&](const char *key, const std::string &value) {
    onnx::StringStringEntryProto *entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  add("location", oneIn(4) ? pickString() : "data.bin");
  if (oneIn(2))
    add("offset", std::to_string(pickInteger()));
  if (oneIn(2))
    add("length", std::to_string(pickInteger()));
}

void ModelMutator::changeTensor(TensorProto &tensor) {
  switch (below(9)) {
  case 0:
    tensor.set_data_type(below(25));
    break;
  case 1:
    if (tensor.dims_size())
      tensor.set_dims(below(tensor.dims_size()), pickInteger());
    break;
  case 2:
    tensor.add_dims(pickInteger());
    break;
  case 3:
    if (tensor.dims_size())
      tensor.mutable_dims()->RemoveLast();
    break;
  case 4:
    tensor.mutable_raw_data()->resize(below(2 * tensor.raw_data().size() + 2));
    break;
  case 5:
    makeExternal(tensor);
    break;
  case 6:
    // A whole new tensor of integers, such as shapes are.
    tensor.Clear();
    tensor.set_name(pickValue());
    tensor.set_data_type(TensorProto::INT64);
    tensor.add_dims(below(5));
    for (int64_t i = tensor.dims(0); i > 0; --i)
      tensor.add_int64_data(pickInteger());
    break;
  default:
    // Integers drive shapes.
    if (tensor.int64_data_size()) {
      tensor.set_int64_data(below(tensor.int64_data_size()), pickInteger());
    } else if (tensor.raw_data().size() >= 8) {
      int64_t value = pickInteger();
      size_t at = below(tensor.raw_data().size() / 8) * 8;
      std::memcpy(tensor.mutable_raw_data()->data() + at, &value, sizeof(value));
    } else if (tensor.int32_data_size()) {
      tensor.set_int32_data(below(tensor.int32_data_size()), int32_t(pickInteger()));
    }
  }
}

void ModelMutator::changeType(onnx::ValueInfoProto &value) {
  onnx::TypeProto::Tensor *tensor = value.mutable_type()->mutable_tensor_type();
  onnx::TensorShapeProto *shape = tensor->mutable_shape();
  onnx::TensorShapeProto::Dimension *dim = pick(shape->mutable_dim());
  switch (below(7)) {
  case 0:
    tensor->set_elem_type(below(25));
    break;
  case 1:
    shape->add_dim()->set_dim_value(pickInteger());
    break;
  case 2:
    if (dim)
      shape->mutable_dim()->RemoveLast();
    break;
  case 3:
    if (oneIn(8))
      tensor->clear_shape();
    break;
  case 4:
    if (dim)
      dim->set_dim_value(pickInteger());
    break;
  default:
    if (dim)
      dim->set_dim_param(oneIn(8) ? pickString() : std::string(1, "nmk"[below(3)]));
  }
}

/// Gives an input a value.
void ModelMutator::makeConstant() {
  onnx::ValueInfoProto *input = pick(model.mutable_graph()->mutable_input());
  if (!input)
    return;
  TensorProto *tensor = model.mutable_graph()->add_initializer();
  tensor->set_name(input->name());
  tensor->set_data_type(input->type().tensor_type().elem_type());
  int64_t size = 1;
  for (const auto &dim : input->type().tensor_type().shape().dim()) {
    int64_t length = dim.has_dim_value() ? dim.dim_value() : below(4);
    tensor->add_dims(length);
    size = length >= 0 && length <= 1024 && size <= 1024 ? size * length : 0;
  }
  static constexpr int kWidths[] = {4, 4, 1, 1, 2, 2, 4, 8, 1, 1, 2, 8, 4, 8};
  tensor->mutable_raw_data()->resize(size * choose(kWidths, tensor->data_type()), char(below(3)));
}

void ModelMutator::makeSparse() {
  const TensorProto *values = pick(model.mutable_graph()->mutable_initializer());
  if (!values)
    return;
  onnx::SparseTensorProto *sparse = model.mutable_graph()->add_sparse_initializer();
  *sparse->mutable_values() = *values;
  sparse->add_dims(below(9));
  if (oneIn(2))
    sparse->add_dims(below(9));
  TensorProto *indices = sparse->mutable_indices();
  indices->set_data_type(TensorProto::INT64);
  indices->add_dims(values->dims_size() ? values->dims(0) : 1);
  for (int i = 0; i < 4; ++i)
    indices->add_int64_data(pickInteger());
}

void ModelMutator::changeBorder() {
  onnx::GraphProto *graph = model.mutable_graph();
  switch (below(6)) {
  case 0:
    if (graph->input_size())
      graph->mutable_input()->DeleteSubrange(below(graph->input_size()), 1);
    break;
  case 1:
    if (graph->output_size())
      graph->mutable_output()->DeleteSubrange(below(graph->output_size()), 1);
    break;
  case 2:
    graph->add_output()->set_name(pickValue());
    break;
  case 3:
    if (onnx::ValueInfoProto *input = pick(graph->mutable_input()))
      input->set_name(oneIn(2) ? pickString() : pickValue());
    break;
  case 4:
    makeSparse();
    break;
  default:
    makeConstant();
  }
}

void ModelMutator::changeVersions() {
  if (onnx::OperatorSetIdProto *opset = pick(model.mutable_opset_import()))
    opset->set_version(oneIn(8) ? pickInteger() : 1 + below(27));
  if (oneIn(8))
    model.set_ir_version(below(16));
}

//===----------------------------------------------------------------------===//
// The public face
//===----------------------------------------------------------------------===//

void ModelMutator::mutate() {
  NodeProto *node = pickNode();
  switch (below(12)) {
  case 0:
    return changeVersions();
  case 1:
    return changeBorder();
  case 2: {
    std::vector<Nodes *> lists = getNodeLists();
    return changeNodes(*lists[below(lists.size())]);
  }
  case 3:
  case 4:
    if (onnx::ValueInfoProto *input = pick(model.mutable_graph()->mutable_input()))
      changeType(*input);
    return;
  case 5:
    if (onnx::ValueInfoProto *output = pick(model.mutable_graph()->mutable_output()))
      changeType(*output);
    return;
  case 6:
  case 7:
    if (TensorProto *tensor = pick(model.mutable_graph()->mutable_initializer()))
      changeTensor(*tensor);
    else
      makeConstant();
    return;
  case 8:
  case 9:
    if (node)
      changeEdges(*node);
    return;
  default:
    if (node)
      changeAttribute(*node);
  }
}

void ModelMutator::graft(const onnx::ModelProto &other) {
  if (other.graph().node().empty())
    return;
  NodeProto node = other.graph().node(below(other.graph().node_size()));
  onnx::GraphProto *graph = model.mutable_graph();
  for (std::string &input : *node.mutable_input()) {
    bool isConstant = false;
    for (const TensorProto &tensor : other.graph().initializer()) {
      if (tensor.name() != input || input.empty())
        continue;
      input += "_g";
      *graph->add_initializer() = tensor;
      graph->mutable_initializer(graph->initializer_size() - 1)->set_name(input);
      isConstant = true;
      break;
    }
    if (!isConstant && !input.empty())
      input = pickValue();
  }
  for (std::string &output : *node.mutable_output())
    output += output.empty() ? "" : "_g";
  // Its result is seen where it is an output.
  if (node.output_size())
    graph->add_output()->set_name(node.output(0));
  *graph->add_node() = node;
}

} // namespace winnow::fuzz
