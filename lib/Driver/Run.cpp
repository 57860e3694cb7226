#include "winnow/Driver/Run.h"
#include "CompiledModel.h"
#include "winnow/Driver/Npz.h"
#include "winnow/Driver/Probe.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <chrono>

using namespace llvm;
using namespace winnow;

double RunResult::median() const {
  std::vector<double> sorted = milliseconds;
  if (sorted.empty())
    return 0;
  llvm::sort(sorted);
  size_t middle = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[middle]
                           : (sorted[middle - 1] + sorted[middle]) / 2;
}

namespace {

constexpr std::chrono::milliseconds kProbeTime(50);

/// One command: arrays in, runs, arrays out.
class Runner {
public:
  Runner(const RunOptions &options, const winnow_model *model)
      : options(options), desc(*winnow_model_descriptor(model)),
        inputTensors(desc.inputs, desc.num_inputs),
        outputTensors(desc.outputs, desc.num_outputs), inputs(desc.num_inputs),
        outputs(desc.num_outputs), given(desc.num_inputs) {}

  Error readInputs();
  Error setInputs(ArrayRef<NamedArray> arrays);
  Error bindOutputs();
  /// Runs as often as asked and takes the times.
  Error run(winnow_context *context, RunResult &result);
  /// The same with a profile.
  Error profile(winnow_context *context, RunResult &result);
  Error writeOutputs();
  std::vector<NamedArray> takeOutputs();

private:
  using Tensors = ArrayRef<winnow_tensor_desc>;

  static std::string listNames(Tensors tensors) {
    if (tensors.empty())
      return "none";
    return join(
        map_range(tensors,
                  [](auto &t) { return "'" + std::string(t.name) + "'"; }),
        ", ");
  }
  static Error unknownName(StringRef kind, StringRef name, Tensors tensors) {
    return createStringError("unknown " + kind + " '" + name +
                             "'; the model's " + kind + "s are " +
                             listNames(tensors));
  }

  void setInput(size_t index, Array array);
  /// Splits NAME=FILE where NAME is the longest name of a tensor that fits:
  /// names and files may hold '=' themselves.
  Expected<std::pair<size_t, StringRef>> bind(StringRef kind, StringRef text,
                                              Tensors tensors);
  std::vector<winnow_tensor> makeTensors(MutableArrayRef<Array> arrays);
  /// Makes the outputs as large as the next run needs them.
  Error prepareOutputs(winnow_context *context);
  Error trimOutputs(winnow_context *context);
  Error setOutputShapes(ArrayRef<int64_t> dims);
  size_t numOutputDims() const {
    size_t ranks = 0;
    for (const winnow_tensor_desc &tensor : outputTensors)
      ranks += tensor.rank;
    return ranks;
  }

  const RunOptions &options;
  const winnow_model_desc &desc;
  Tensors inputTensors, outputTensors;
  std::vector<Array> inputs, outputs;
  std::vector<bool> given;
  std::vector<std::pair<size_t, StringRef>> outputFiles;
};

} // namespace

void Runner::setInput(size_t index, Array array) {
  // What numpy does not know may come as its bits, and opaque bytes are what the
  // model says; nothing else is reinterpreted.
  int32_t wanted = inputTensors[index].dtype;
  bool isBits = array.dtype == WINNOW_DTYPE_U8 || array.dtype == WINNOW_DTYPE_U16 ||
                array.dtype >= WINNOW_DTYPE_BF16;
  if (isBits && wanted >= WINNOW_DTYPE_BF16 &&
      winnow_dtype_size(array.dtype) == winnow_dtype_size(wanted))
    array.dtype = wanted;
  inputs[index] = std::move(array);
  given[index] = true;
}

Expected<std::pair<size_t, StringRef>>
Runner::bind(StringRef kind, StringRef text, Tensors tensors) {
  std::optional<size_t> best;
  for (auto [index, tensor] : enumerate(tensors)) {
    StringRef name = tensor.name;
    if (text.starts_with(name) &&
        text.drop_front(name.size()).starts_with("=") &&
        (!best || name.size() > strlen(tensors[*best].name)))
      best = index;
  }
  if (best)
    return std::pair(*best, text.drop_front(strlen(tensors[*best].name) + 1));
  auto [name, file] = text.rsplit('=');
  if (!text.contains('='))
    return createStringError("expected --" + kind + " NAME=FILE.npy, got '" +
                             text + "'");
  return unknownName(kind, name, tensors);
}

Error Runner::setInputs(ArrayRef<NamedArray> arrays) {
  for (const auto &[name, array] : arrays) {
    const auto *tensor = find_if(
        inputTensors, [&, &name = name](auto &t) { return name == t.name; });
    if (tensor == inputTensors.end())
      return unknownName("input", name, inputTensors);
    setInput(tensor - inputTensors.begin(), array);
  }
  return Error::success();
}

Error Runner::readInputs() {
  if (!options.inputsFile.empty()) {
    auto arrays = readNpz(options.inputsFile);
    if (!arrays)
      return arrays.takeError();
    if (Error error = setInputs(*arrays))
      return error;
  }
  for (const std::string &text : options.inputs) {
    auto bound = bind("input", text, inputTensors);
    if (!bound)
      return bound.takeError();
    auto array = readNpy(bound->second);
    if (!array)
      return array.takeError();
    setInput(bound->first, std::move(*array));
  }
  std::vector<std::string> missing;
  for (auto [tensor, isGiven] : zip_equal(inputTensors, given))
    if (!isGiven)
      missing.push_back("'" + std::string(tensor.name) + "'");
  if (!missing.empty())
    return createStringError("expected all inputs, got none for " +
                             join(missing, ", ") +
                             "; give them in --inputs FILE.npz or as --input "
                             "NAME=FILE.npy");
  return Error::success();
}

std::vector<winnow_tensor> Runner::makeTensors(MutableArrayRef<Array> arrays) {
  std::vector<winnow_tensor> tensors;
  for (Array &array : arrays)
    tensors.push_back(winnow_make_tensor(array.dtype, array.shape.size(),
                                         array.shape.data(), array.data.data(),
                                         array.data.size()));
  return tensors;
}

Error Runner::prepareOutputs(winnow_context *context) {
  std::vector<int64_t> dims(numOutputDims());
  std::vector<winnow_tensor> tensors = makeTensors(inputs);
  if (Error error =
          toError(winnow_context_plan(context, tensors.data(), tensors.size(),
                                      dims.data(), dims.size(), nullptr)))
    return error;
  return setOutputShapes(dims);
}

/// What a run writes lies at the start of the room that it was given.
Error Runner::trimOutputs(winnow_context *context) {
  std::vector<int64_t> dims(numOutputDims());
  if (Error error = toError(
          winnow_context_output_dims(context, dims.data(), dims.size())))
    return error;
  return setOutputShapes(dims);
}

Error Runner::setOutputShapes(ArrayRef<int64_t> dims) {
  const int64_t *next = dims.data();
  for (auto [tensor, array] : zip_equal(outputTensors, outputs)) {
    array.dtype = tensor.dtype;
    array.shape.assign(next, next + tensor.rank);
    next += tensor.rank;
    std::optional<int64_t> bytes = winnow_dtype_size(tensor.dtype);
    if (is_contained(array.shape, 0))
      bytes = 0;
    for (int64_t dim : array.shape)
      bytes = bytes ? checkedMul<int64_t>(*bytes, dim) : std::nullopt;
    if (!bytes || *bytes < 0 ||
        static_cast<uint64_t>(*bytes) > array.data.max_size())
      return createStringError("output '" + Twine(tensor.name) +
                               "': expected a size that fits into memory, got "
                               "an overflow");
    array.data.resize(*bytes);
  }
  return Error::success();
}

Error Runner::run(winnow_context *context, RunResult &result) {
  std::vector<winnow_tensor> in = makeTensors(inputs), out;
  bool isPrepared = false;
  while (result.milliseconds.size() < static_cast<size_t>(options.repeat)) {
    if (!isPrepared) {
      if (Error error = prepareOutputs(context))
        return error;
      out = makeTensors(outputs);
    }
    auto start = std::chrono::steady_clock::now();
    winnow_status *status =
        winnow_run(context, in.data(), in.size(), out.data(), out.size());
    std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    // Then the outputs need more room than was known.
    isPrepared = winnow_status_code(status) != WINNOW_ERROR_CAPACITY;
    if (!isPrepared)
      winnow_status_free(status);
    else if (Error error = toError(status))
      return error;
    else
      result.milliseconds.push_back(taken.count());
  }
  return trimOutputs(context);
}

Error Runner::profile(winnow_context *context, RunResult &result) {
  Profile &profile = result.profile;
  // A run that warms up, and that counts the events.
  winnow_profile_event none;
  if (Error error = toError(winnow_context_start_profile(context, &none, 1)))
    return error;
  RunResult warmUp;
  if (Error error = run(context, warmUp))
    return error;
  size_t count = 0;
  if (Error error = toError(winnow_context_stop_profile(context, &count)))
    return error;
  count /= warmUp.milliseconds.size();
  double fma = probeFMA(result.threads, kProbeTime).cpu;
  // Parts of loops depend on who is late; some room is for those.
  profile.events.resize((count + count / 4 + 64) * options.repeat);
  if (Error error = toError(winnow_context_start_profile(context, profile.events.data(),
                                                         profile.events.size())))
    return error;
  if (Error error = run(context, result))
    return error;
  if (Error error = toError(winnow_context_stop_profile(context, &count)))
    return error;
  profile.events.resize(std::min(count, profile.events.size()));
  profile.runs = options.repeat;
  profile.threads = result.threads;
  profile.cpuLevel = result.cpuLevel;
  profile.fmaRate = std::max(fma, probeFMA(result.threads, kProbeTime).cpu);
  profile.bandwidth = probeBandwidth(result.threads, kProbeTime).cpu;
  for (const winnow_op &op : ArrayRef(desc.ops, desc.num_ops))
    profile.ops.push_back({op.kind, op.nodes});
  return Error::success();
}

Error Runner::bindOutputs() {
  for (const std::string &text : options.outputs) {
    auto bound = bind("output", text, outputTensors);
    if (!bound)
      return bound.takeError();
    outputFiles.push_back(*bound);
  }
  return Error::success();
}

Error Runner::writeOutputs() {
  for (auto [index, file] : outputFiles)
    if (Error error = writeNpy(file, outputs[index]))
      return error;
  if (options.outputsFile.empty())
    return Error::success();
  return writeNpz(options.outputsFile, takeOutputs());
}

std::vector<NamedArray> Runner::takeOutputs() {
  std::vector<NamedArray> arrays;
  for (auto [tensor, array] : zip_equal(outputTensors, outputs))
    arrays.emplace_back(tensor.name, std::move(array));
  return arrays;
}

static Expected<ContextPtr> createContext(winnow_model *model, int threads) {
  winnow_context_options options = WINNOW_CONTEXT_OPTIONS_INIT;
  options.num_threads = threads;
  winnow_context *handle = nullptr;
  if (Error error = toError(winnow_context_create(model, &options, &handle)))
    return std::move(error);
  return ContextPtr(handle);
}

/// The context goes before the model.
struct ArrayRunner::State {
  ModelPtr model;
  ContextPtr context;
};

ArrayRunner::ArrayRunner(std::unique_ptr<State> state) : state(std::move(state)) {}
ArrayRunner::ArrayRunner(ArrayRunner &&) = default;
ArrayRunner::~ArrayRunner() = default;

Expected<ArrayRunner> ArrayRunner::open(StringRef artifact, int threads) {
  auto model = openCompiledModel(artifact);
  if (!model)
    return model.takeError();
  auto context = createContext(model->get(), threads);
  if (!context)
    return context.takeError();
  return ArrayRunner(std::make_unique<State>(State{std::move(*model), std::move(*context)}));
}

static std::vector<std::string> getNames(ArrayRef<winnow_tensor_desc> tensors) {
  std::vector<std::string> names;
  for (const winnow_tensor_desc &tensor : tensors)
    names.push_back(tensor.name);
  return names;
}

std::vector<std::string> ArrayRunner::inputNames() const {
  const winnow_model_desc *desc = winnow_model_descriptor(state->model.get());
  return getNames(ArrayRef(desc->inputs, desc->num_inputs));
}

std::vector<std::string> ArrayRunner::outputNames() const {
  const winnow_model_desc *desc = winnow_model_descriptor(state->model.get());
  return getNames(ArrayRef(desc->outputs, desc->num_outputs));
}

Expected<std::vector<NamedArray>> ArrayRunner::run(ArrayRef<NamedArray> inputs) {
  RunOptions options;
  Runner runner(options, state->model.get());
  if (Error error = runner.setInputs(inputs))
    return std::move(error);
  RunResult result;
  if (Error error = runner.run(state->context.get(), result))
    return std::move(error);
  return runner.takeOutputs();
}

Expected<std::vector<NamedArray>> winnow::runArrays(StringRef artifact,
                                                    ArrayRef<NamedArray> inputs, int threads) {
  auto runner = ArrayRunner::open(artifact, threads);
  if (!runner)
    return runner.takeError();
  return runner->run(inputs);
}

Expected<RunResult> winnow::runModel(const RunOptions &options) {
  if (options.repeat < 1 || options.threads < 0)
    return createStringError(
        "expected --repeat of 1 or more and --threads of 0 or more, got %d and "
        "%d",
        options.repeat, options.threads);
  auto model = openCompiledModel(options.artifact);
  if (!model)
    return model.takeError();
  Runner runner(options, model->get());
  if (Error error = runner.readInputs())
    return std::move(error);
  // Before the run, which may take long.
  if (Error error = runner.bindOutputs())
    return std::move(error);
  auto context = createContext(model->get(), options.threads);
  if (!context)
    return context.takeError();
  winnow_context *handle = context->get();
  RunResult result;
  result.threads = winnow_context_num_threads(handle);
  result.cpuLevel = winnow_model_code(model->get())->cpu_level;
  if (Error error = options.profile ? runner.profile(handle, result) : runner.run(handle, result))
    return std::move(error);
  if (Error error = runner.writeOutputs())
    return std::move(error);
  return result;
}
