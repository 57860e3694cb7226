#include "winnow/Link/Report.h"
#include "winnow/Link/CNames.h"
#include "winnow/Support/OutputFile.h"
#include "winnow/Support/Version.h"
#include "winnow/abi.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace winnow;

static StringRef getDtypeName(uint32_t dtype) {
  switch (dtype) {
  case WINNOW_DTYPE_F32:
    return "float32";
  case WINNOW_DTYPE_U8:
    return "uint8";
  case WINNOW_DTYPE_I8:
    return "int8";
  case WINNOW_DTYPE_U16:
    return "uint16";
  case WINNOW_DTYPE_I16:
    return "int16";
  case WINNOW_DTYPE_I32:
    return "int32";
  case WINNOW_DTYPE_I64:
    return "int64";
  case WINNOW_DTYPE_BOOL:
    return "bool";
  case WINNOW_DTYPE_F16:
    return "float16";
  case WINNOW_DTYPE_F64:
    return "float64";
  case WINNOW_DTYPE_U32:
    return "uint32";
  case WINNOW_DTYPE_U64:
    return "uint64";
  case WINNOW_DTYPE_BF16:
    return "bfloat16";
  case WINNOW_DTYPE_F8E4M3FN:
    return "float8e4m3fn";
  case WINNOW_DTYPE_F8E4M3FNUZ:
    return "float8e4m3fnuz";
  case WINNOW_DTYPE_F8E5M2:
    return "float8e5m2";
  case WINNOW_DTYPE_F8E5M2FNUZ:
    return "float8e5m2fnuz";
  case WINNOW_DTYPE_U4:
    return "uint4";
  case WINNOW_DTYPE_I4:
    return "int4";
  case WINNOW_DTYPE_F4E2M1:
    return "float4e2m1";
  case WINNOW_DTYPE_F8E8M0:
    return "float8e8m0";
  case WINNOW_DTYPE_U2:
    return "uint2";
  case WINNOW_DTYPE_I2:
    return "int2";
  default:
    return "unknown";
  }
}

static void writeTensors(json::OStream &os, StringRef key,
                         ArrayRef<ModelInterface::Tensor> tensors,
                         ArrayRef<std::string> cNames,
                         const ModelInterface &model) {
  os.attributeArray(key, [&] {
    for (auto [tensor, cName] : zip_equal(tensors, cNames))
      os.object([&, &tensor = tensor, &cName = cName] {
        os.attribute("name", json::fixUTF8(tensor.name));
        os.attribute("c_name", cName);
        os.attribute("dtype", getDtypeName(tensor.dtype));
        os.attributeArray("shape", [&] {
          for (const auto &dim : tensor.dims) {
            if (dim.size >= 0)
              os.value(dim.size);
            else
              os.value(json::fixUTF8(dim.isSymbol()
                                         ? model.symbols[dim.symbol].name
                                         : dim.expression));
          }
        });
      });
  });
}

static void writeSymbols(json::OStream &os, const ModelInterface &model,
                         ArrayRef<std::string> cNames) {
  os.attributeArray("symbols", [&] {
    for (auto [symbol, cName] : zip_equal(model.symbols, cNames))
      os.object([&, &symbol = symbol, &cName = cName] {
        os.attribute("name", json::fixUTF8(symbol.name));
        os.attribute("c_name", cName);
        os.attribute("min", symbol.min);
        if (symbol.max == INT64_MAX)
          os.attribute("max", nullptr);
        else
          os.attribute("max", symbol.max);
        if (symbol.fromData)
          os.attribute("from_data", true);
      });
  });
}

static void writeSignature(json::OStream &os, const ModelInterface &model) {
  CNames names = makeCNames(model);
  writeTensors(os, "inputs", model.inputs, names.inputs, model);
  writeTensors(os, "outputs", model.outputs, names.outputs, model);
  writeSymbols(os, model, names.symbols);
}

static void writeCPU(json::OStream &os, const ModelInterface &model) {
  static constexpr StringRef features[] = {"avx2", "fma", "f16c", "bmi2",
                                           "avx512"};
  os.attributeArray("cpu", [&] {
    for (const ModelInterface::Code &code : model.codes)
      os.object([&] {
        os.attribute("level", code.cpuLevel);
        os.attributeArray("features", [&] {
          for (auto [bit, name] : enumerate(features))
            if (code.cpuFeatures >> bit & 1)
              os.value(name);
        });
        os.attribute("scratch_bytes_per_thread", code.scratchBytes);
      });
  });
}

static void writeGPU(json::OStream &os, const ModelInterface &model) {
  os.attributeArray("gpu", [&] {
    for (const ModelInterface::Code &code : model.codes)
      os.object([&] {
        os.attribute("chip", code.gpu->chip);
        os.attribute("precision", code.gpu->precision);
        os.attribute("kernels", code.gpu->kernels.size());
        os.attributeArray("device_reads", [&] {
          for (const std::string &place : code.gpu->reads)
            os.value(json::fixUTF8(place));
        });
        os.attribute("ptx_bytes", code.gpu->ptx.size());
        os.attribute("cubin_bytes", code.gpu->cubin.size());
      });
  });
}

static void writeBody(json::OStream &os, const ReportData &report) {
  const ModelInterface &model = report.models.front();
  os.attribute("format", "winnow-report");
  os.attribute("format_version", 2);
  os.attribute("name", model.name);
  os.attribute("winnow_version", getVersionString());
  os.attribute("abi_version", WINNOW_ABI_VERSION);
  os.attribute("target", model.triple);
  if (model.codes.front().gpu)
    writeGPU(os, model);
  else
    writeCPU(os, model);
  writeSignature(os, model);
  if (report.models.size() > 1)
    os.attributeObject("forms", [&] {
      for (const ModelInterface &form : report.models.drop_front())
        os.attributeObject(form.form, [&] { writeSignature(os, form); });
    });
  os.attributeObject("weights", [&] {
    if (report.weights.embedded)
      os.attribute("file", nullptr);
    else
      os.attribute("file", model.name + ".weights");
    os.attribute("bytes", report.weights.bytes);
    os.attribute("sha256", report.weights.sha256Hex());
  });
  os.attributeArray("files", [&] {
    for (const ArtifactFile &file : report.files)
      os.object([&] {
        os.attribute("name", file.name);
        os.attribute("bytes", file.bytes);
      });
  });
  os.attributeArray("run_checks", [&] {
    for (const auto &site : model.sites)
      os.object([&] {
        os.attribute("node", json::fixUTF8(site.node));
        os.attribute("message", json::fixUTF8(site.message));
      });
  });
  for (const auto &[key, value] : report.sections)
    os.attribute(key, value);
}

Error winnow::writeReport(StringRef path, const ReportData &report) {
  return writeOutputFile(path, [&](raw_ostream &stream) {
    json::OStream os(stream, /*IndentSize=*/2);
    os.object([&] { writeBody(os, report); });
    stream << "\n";
    return Error::success();
  });
}
