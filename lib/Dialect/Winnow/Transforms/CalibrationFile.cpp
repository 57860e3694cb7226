#include "winnow/Dialect/Winnow/Transforms/CalibrationFile.h"

#include "winnow/Dialect/Winnow/Transforms/Precision.h"
#include "winnow/Support/InputMoments.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <cmath>

using namespace llvm;
using namespace winnow;

/// False if it is not of finite numbers. What is absent has none.
static bool readNumbers(const json::Array *array, SmallVectorImpl<float> &numbers) {
  for (const json::Value &value : array ? *array : json::Array()) {
    std::optional<double> number = value.getAsNumber();
    if (!number || !std::isfinite(*number))
      return false;
    numbers.push_back(static_cast<float>(*number));
  }
  return true;
}

Expected<CalibrationFile> CalibrationFile::read(StringRef path) {
  auto fail = [&](const Twine &what) {
    return createStringError("the calibration '" + path + "'" + what);
  };
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return createStringError("cannot read the calibration '" + path + "': " + buffer.getError().message());
  auto parsed = json::parse((*buffer)->getBuffer());
  if (!parsed)
    return fail(" is no JSON: " + toString(parsed.takeError()));
  auto invalid = [&](const Twine &what) { return fail(": expected " + what); };
  const json::Object *root = parsed->getAsObject();
  const json::Array *list = root ? root->getArray("sites") : nullptr;
  if (!list || root->getString("format") != StringRef("winnow.calibration"))
    return invalid("what winnow calibrate writes");
  CalibrationFile file;
  ArrayRef<float> all;
  if (auto name = root->getString("moments")) {
    SmallString<128> place(*name);
    if (sys::path::is_relative(place)) {
      place = sys::path::parent_path(path);
      sys::path::append(place, *name);
    }
    auto moments = MemoryBuffer::getFile(place, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!moments)
      return fail(" names the moments '" + place + "', which cannot be read: " + moments.getError().message());
    file.moments = std::move(*moments);
    StringRef bytes = file.moments->getBuffer();
    if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) == 0)
      all = ArrayRef(reinterpret_cast<const float *>(bytes.data()), bytes.size() / sizeof(float));
  }
  for (const json::Value &value : *list) {
    const json::Object *site = value.getAsObject();
    auto name = site ? site->getString("name") : std::nullopt;
    if (!name)
      return invalid("sites with names");
    CalibratedSite result;
    if (const json::Object *relevance = site->getObject("relevance"))
      result.relevance = relevance->getNumber("in").value_or(0);
    if (const json::Object *errors = site->getObject("sensitivity"))
      for (const auto &[width, error] : *errors) {
        int64_t bits;
        auto number = error.getAsNumber();
        if (StringRef(width).getAsInteger(10, bits) || !number || !(*number >= 0))
          return invalid("sensitivity of '" + *name + "' to be errors by width");
        result.sensitivity[bits] = *number;
      }
    // Of a linear's only input.
    const json::Array *activations = site->getArray("activations");
    const json::Object *input =
        activations && activations->size() == 1 ? activations->front().getAsObject() : nullptr;
    if (const json::Object *channels = input ? input->getObject("channels") : nullptr)
      if (!readNumbers(channels->getArray("abs_max"), result.maxima) ||
          !readNumbers(channels->getArray("mean"), result.means))
        return invalid("abs_max and mean of the channels of '" + *name + "' to be numbers");
    if (auto place = site->getInteger("moments"); place && file.moments) {
      int64_t inputs = site->getInteger("inputs").value_or(0);
      int64_t most = all.size(), count = InputMoments::countElements(std::clamp<int64_t>(inputs, 0, kMostMomentInputs));
      if (*place < 0 || *place > most || count > most - *place)
        return invalid("the moments of '" + *name + "' to be " + Twine(count) + " numbers from " +
                       Twine(*place) + " on, of " + Twine(most));
      result.moments = all.slice(*place, count);
    }
    const json::Value *pin = site->get("pin");
    if (pin && pin->kind() != json::Value::Null) {
      result.pin = pin->getAsInteger();
      if (!result.pin || !isPrecision(*result.pin))
        return invalid("pin of '" + *name + "' to be 4, 6, 8, 16 or 32");
    }
    if (!(result.relevance >= 0))
      return invalid("relevance of '" + *name + "' to be 0 or more");
    file.sites[*name] = std::move(result);
  }
  return file;
}

const CalibratedSite *CalibrationFile::find(StringRef name) const {
  auto found = sites.find(name);
  return found == sites.end() ? nullptr : &found->second;
}
