#include "Perturbation.h"

#include "winnow/abi.h"

#include "llvm/ADT/STLExtras.h"
#include <cstring>

using namespace llvm;
using namespace winnow;

static NamedArray makeArray(const Twine &name, std::vector<int64_t> shape, ArrayRef<float> values) {
  const char *begin = reinterpret_cast<const char *>(values.data());
  return {name.str(),
          {WINNOW_DTYPE_F32, std::move(shape),
           std::vector<char>(begin, begin + values.size() * sizeof(float))}};
}

FailureOr<Perturbation> Perturbation::create(ArrayRef<PrecisionSite> sites) {
  Perturbation result;
  result.sites.assign(sites.begin(), sites.end());
  result.weights.resize(sites.size());
  result.factors.resize(sites.size());
  result.means.resize(sites.size());
  result.moments.resize(sites.size());
  result.places.resize(sites.size());
  std::vector<float> levels(sites.size(), 0);
  result.arrays.push_back(
      makeArray("winnow.levels", {static_cast<int64_t>(sites.size())}, levels));
  for (auto [number, site] : enumerate(sites)) {
    if (!site.weight)
      continue;
    auto known = getWeights(site);
    if (failed(known))
      return failure();
    result.weights[number] = std::move(*known);
    std::vector<int64_t> shape = {site.inputs, site.outputs};
    if (site.isTransposed)
      std::swap(shape[0], shape[1]);
    result.places[number] = result.arrays.size();
    result.arrays.push_back(
        makeArray("winnow.weight." + Twine(number), shape, result.weights[number]));
    result.factors[number].assign(site.inputs, 1);
    result.means[number].assign(site.inputs, 0);
    result.arrays.push_back(
        makeArray("winnow.factors." + Twine(number), {site.inputs}, result.factors[number]));
    result.arrays.push_back(makeArray("winnow.shift." + Twine(number), {site.outputs},
                                      std::vector<float>(site.outputs, 0)));
  }
  return result;
}

void Perturbation::setChannels(size_t site, ArrayRef<float> maxima, ArrayRef<float> known,
                               ArrayRef<float> triangle) {
  const PrecisionSite &at = sites[site];
  if (!hasWeight(site) || maxima.size() != factors[site].size() || known.size() != means[site].size())
    return;
  std::vector<float> weightMaxima(at.inputs, 0);
  addWeightMaxima(weights[site], {at.inputs, at.outputs, at.isTransposed}, weightMaxima);
  factors[site] = chooseInputFactors(maxima, weightMaxima, kMigration);
  means[site].assign(known.begin(), known.end());
  if (int64_t(triangle.size()) == InputMoments::countElements(at.inputs))
    moments[site] = InputMoments::create(triangle, at.inputs, factors[site]);
}

void Perturbation::setWidth(size_t site, int width) {
  if (!hasWeight(site))
    return;
  bool isRounded = width <= 8;
  float steps = isRounded ? 255 : 0;
  std::memcpy(arrays.front().second.data.data() + site * sizeof(float), &steps, sizeof(float));
  const PrecisionSite &at = sites[site];
  WeightLayout layout{at.inputs, at.outputs, at.isTransposed};
  std::vector<float> values = weights[site], used(at.inputs, 1), shift(at.outputs, 0);
  if (isRounded) {
    used = factors[site];
    std::vector<int8_t> numbers(values.size());
    std::vector<float> scales(at.outputs);
    roundLayer(weights[site], layout, width, used, moments[site] ? &*moments[site] : nullptr, numbers, scales);
    for (int64_t output = 0; output < at.outputs; ++output)
      for (int64_t input = 0; input < at.inputs; ++input) {
        int64_t place = layout.place(input, output);
        values[place] = numbers[place] * scales[output] / used[input];
      }
    shift = sumMeanErrors(weights[site], layout, used, numbers, scales, means[site]);
  }
  size_t place = places[site];
  for (const std::vector<float> *array : {&values, &used, &shift})
    std::memcpy(arrays[place++].second.data.data(), array->data(), array->size() * sizeof(float));
}

Expected<Array> Perturbation::run(ArrayRunner &runner, std::vector<NamedArray> &inputs,
                                  StringRef output) {
  // Moved, not copied: the weights of a whole model are many.
  size_t own = inputs.size();
  for (NamedArray &array : arrays)
    inputs.push_back(std::move(array));
  auto outputs = runner.run(inputs);
  for (size_t i = 0; i < arrays.size(); ++i)
    arrays[i] = std::move(inputs[own + i]);
  inputs.resize(own);
  if (!outputs)
    return outputs.takeError();
  for (auto &[name, array] : *outputs)
    if (name == output)
      return std::move(array);
  return createStringError("expected an output '" + output + "'");
}
