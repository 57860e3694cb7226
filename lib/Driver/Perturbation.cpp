#include "Perturbation.h"

#include "FakeQuantize.h"
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
  }
  return result;
}

void Perturbation::setWidth(size_t site, int width) {
  if (!hasWeight(site))
    return;
  bool isRounded = width <= 8;
  float steps = isRounded ? 255 : 0;
  std::memcpy(arrays.front().second.data.data() + site * sizeof(float), &steps, sizeof(float));
  std::vector<float> values = weights[site];
  if (isRounded)
    fakeQuantize(values, sites[site].inputs, sites[site].outputs, sites[site].isTransposed, width);
  std::memcpy(arrays[places[site]].second.data.data(), values.data(),
              values.size() * sizeof(float));
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
