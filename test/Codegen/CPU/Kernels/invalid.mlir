// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --verify-diagnostics

// expected-error @+1 {{unknown kernel kind 'lineal'}}
func.func private @unknown(memref<4xf32>) attributes {winnow.kernel = {kind = "lineal"}}

// -----

// expected-error @+1 {{expected 'winnow.kernel' to be a dictionary with a string 'kind'}}
func.func private @no_kind(memref<4xf32>) attributes {winnow.kernel = {n = 4}}

// -----

// expected-error @+1 {{kernel 'linear': expected an integer parameter 'kc'}}
func.func private @missing(memref<?x8xf32>, memref<1x8x24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 24, mr = 4, nr = 24, mb = 128}}

// -----

// expected-error @+1 {{kernel 'linear': expected 'nr' to be a multiple of 8, got 12}}
func.func private @lanes(memref<?x8xf32>, memref<2x8x12xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 24, mr = 4, nr = 12, kc = 8, mb = 128}}

// -----

// expected-error @+1 {{kernel 'linear': expected 'w' to be packed in panels [K, 24], or a multiple as wide, for 30 columns, got 'memref<1x8x24xf32>'}}
func.func private @packing(memref<?x8xf32>, memref<1x8x24xf32>, memref<?x30xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 30, mr = 4, nr = 24, kc = 8, mb = 128}}

// -----

// expected-error @+1 {{kernel 'linear': unknown activation 'swoosh'}}
func.func private @activation(memref<?x8xf32>, memref<1x8x24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 24, mr = 4, nr = 24, kc = 8, mb = 128, activation = "swoosh"}}

// -----

// expected-error @+1 {{kernel 'linear': expected 4 arguments, got 3}}
func.func private @bias(memref<?x8xf32>, memref<1x8x24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 24, mr = 4, nr = 24, kc = 8, mb = 128, bias = true}}

// -----

// expected-error @+1 {{kernel 'matmul': expected dimension 2 of 'a' and dimension 1 of 'b' to match, got 8 and 9}}
func.func private @depth(memref<?x?x8xf32>, memref<?x9x?xf32>, memref<?x?x?xf32>)
    attributes {winnow.kernel = {kind = "matmul"}}

// -----

// expected-error @+1 {{kernel 'matmul': expected 'a' to hold 'f32', got 'f64'}}
func.func private @element(memref<?x?x8xf64>, memref<?x8x?xf32>, memref<?x?x?xf32>)
    attributes {winnow.kernel = {kind = "matmul"}}

// -----

// expected-error @+1 {{kernel 'attention': expected the heads of 'q' to be a multiple of those of 'k', got 6 and 4}}
func.func private @heads(memref<?x?x6x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x6x8xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 1.0 : f32}}

// -----

// expected-error @+1 {{kernel 'attention': expected 'mask' to be none, bool or add, got 'causal'}}
func.func private @mask(memref<?x?x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 1.0 : f32, mask = "causal"}}

// -----

// expected-error @+1 {{kernel 'attention': expected heads and head size of 'q' to be static and positive}}
func.func private @dynamic_heads(memref<?x?x?x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 1.0 : f32}}

// -----

// expected-error @+1 {{kernel 'attention': expected a past of keys that are not packed, for each head}}
func.func private @shared_past(memref<?x?x4x8xf32>, memref<?x?x2x8xf32>, memref<?x?x2x8xf32>, memref<?x?x2x8xf32>, memref<?x?x2x8xf32>, memref<?x?x4x8xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 1.0 : f32, past = true}}

// -----

// expected-error @+1 {{kernel 'attention': expected dimension 3 of 'past_v' and dimension 3 of 'the present' to match, got 6 and 8}}
func.func private @past_size(memref<?x?x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x6xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 1.0 : f32, past = true}}

// -----

// expected-error @+1 {{kernel 'gather': expected 'data' to be packed in panels for 50 rows, got 'memref<2x8x24xf32>'}}
func.func private @panels(memref<2x8x24xf32>, memref<?xi64>, memref<1x?x8xf32>, i32)
    attributes {winnow.kernel = {kind = "gather", n = 50}}

// -----

// expected-error @+1 {{kernel 'gather': expected 'out' of packed rows to begin with a dimension of 1, got 'memref<2x?x8xf32>'}}
func.func private @outer_panels(memref<3x8x24xf32>, memref<?xi64>, memref<2x?x8xf32>, i32)
    attributes {winnow.kernel = {kind = "gather", n = 50}}

// -----

// expected-error @+1 {{kernel 'layer_norm': expected a float parameter 'epsilon'}}
func.func private @epsilon(memref<?x8xf32>, memref<?x8xf32>)
    attributes {winnow.kernel = {kind = "layer_norm"}}

// -----

// expected-error @+1 {{kernel 'softmax': expected 'x' to have an innermost stride of 1, got 2}}
func.func private @stride(memref<?x8xf32, strided<[16, 2]>>, memref<?x8xf32>)
    attributes {winnow.kernel = {kind = "softmax"}}

// -----

// expected-error @+1 {{kernel 'gather': expected 'indices' to hold i32 or i64, got 'i8'}}
func.func private @indices(memref<?x?x8xf32>, memref<?xi8>, memref<?x?x8xf32>, i32)
    attributes {winnow.kernel = {kind = "gather"}}

// -----

// expected-error @+1 {{kernel 'det': expected 'x' to hold f32 or f64, got 'f16'}}
func.func private @det(memref<?x3x3xf16>, memref<?x3x3xf16>, memref<?xf16>)
    attributes {winnow.kernel = {kind = "det"}}

// -----

// expected-error @+1 {{kernel 'det': expected dimension 1 of 'x' and dimension 2 of 'x' to match, got 3 and 4}}
func.func private @det(memref<?x3x4xf32>, memref<?x3x4xf32>, memref<?xf32>)
    attributes {winnow.kernel = {kind = "det"}}

// -----

// expected-error @+1 {{kernel 'linear': unknown denominator kind 'odd'}}
func.func private @denominator(memref<?x8xf32>, memref<1x8x24xf32>, memref<3x24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 24, mr = 4, nr = 24, kc = 8, mb = 128, activation = "group_rational",
                                 denominator_kind = "odd", numerator_degree = 1}}

// -----

// expected-error @+1 {{kernel 'linear': expected at least 5 rows of coefficients, got 3}}
func.func private @coefficients(memref<?x8xf32>, memref<1x8x24xf32>, memref<3x24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "linear", n = 24, mr = 4, nr = 24, kc = 8, mb = 128, activation = "group_rational",
                                 denominator_kind = "abs_sum", numerator_degree = 3}}

// -----

// expected-error @+1 {{kernel 'bspline': expected a table of 9 rows, got 8}}
func.func private @table(memref<?x8xf32>, memref<8x1xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "bspline", degree = 1, bases = 3, zero_nan = false}}

// -----

// expected-error @+1 {{kernel 'rounded_linear': expected 'input_scale' to have 2 columns, got 3}}
func.func private @rounded(memref<?x64xf32>, memref<1x8x48xi32>, memref<2x48xf32>, memref<?x64xi8>, memref<?x3xf32>, memref<?x2xi32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "rounded_linear", n = 48, k = 64, mr = 1, nr = 48, kc = 8, mb = 1, bits = 4, block = 32, zero = 8}}

// -----

// expected-error @+1 {{kernel 'basis_linear': unknown basis 'wavelet'}}
func.func private @basis(memref<?x8xf32>, memref<1x24x48xf32>, memref<3x1xf32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "basis_linear", basis = "wavelet", bases = 3, channels = 16, mr = 8, nr = 48, kc = 24, mb = 8, n = 48}}

// -----

// expected-error @+1 {{kernel 'basis_linear': expected 'w' to have 3 rows for each column of x, got 'memref<1x23x48xf32>' and 'memref<?x8xf32>'}}
func.func private @basis(memref<?x8xf32>, memref<1x23x48xf32>, memref<3x1xf32>, memref<?x48xf32>)
    attributes {winnow.kernel = {kind = "basis_linear", basis = "gaussian_basis", factor = 1.0 : f32, bases = 3, channels = 16, mr = 8, nr = 48, kc = 24, mb = 8, n = 48}}

// -----

// expected-error @+1 {{kernel 'gaussian_basis': expected dimension 1 of 'table' and dimension 1 of 'x' to match, got 7 and 8}}
func.func private @centers(memref<?x8xf32>, memref<3x7xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "gaussian_basis", bases = 3, factor = 1.0 : f32}}

// -----

// expected-error @+1 {{kernel 'linear': expected rows of whole pieces, got 'memref<?x5xf32>' for 8 columns}}
func.func private @k(memref<?x5xf32>, memref<1x8x48xf32>, memref<?xi64>, memref<?x48xf32>)
    attributes {winnow.kernel = {activation = "none", bias = false, kc = 8 : i64, kind = "linear", mb = 8 : i64, mr = 8 : i64, n = 48 : i64, nr = 48 : i64, residual = false, rows = true}}

// -----

// expected-error @+1 {{kernel 'linear': expected passes of whole pieces or parts of one, got 'kc' 3 and pieces of 4}}
func.func private @k(memref<?x4xf32>, memref<1x8x48xf32>, memref<?xi64>, memref<?x48xf32>)
    attributes {winnow.kernel = {activation = "none", bias = false, kc = 3 : i64, kind = "linear", mb = 8 : i64, mr = 8 : i64, n = 48 : i64, nr = 48 : i64, residual = false, rows = true}}

// -----

// expected-error @+1 {{kernel 'sparse_linear': expected an integer parameter 'limit_few'}}
func.func private @limits(memref<?x8xf32>, memref<1x8x24xf32>, memref<?xi32>, memref<?x24xi32>, memref<?x24xf32>, memref<?x2xi32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "sparse_linear", n = 24, mr = 4, nr = 24, kc = 8, mb = 128, limit_slope = 1, limit_offset = 1}}

// -----

// expected-error @+1 {{kernel 'sparse_linear': expected 'active' to hold 'i32', got 'i64'}}
func.func private @list(memref<?x8xf32>, memref<1x8x24xf32>, memref<?xi32>, memref<?x24xi64>, memref<?x24xf32>, memref<?x2xi32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "sparse_linear", n = 24, mr = 4, nr = 24, kc = 8, mb = 128, limit_few = 1, limit_slope = 1, limit_offset = 1}}

// -----

// expected-error @+1 {{kernel 'topk_activation': expected dimension 1 of 'x' and dimension 1 of 'out' to match, got 8 and 9}}
func.func private @top_k(memref<?x8xf32>, memref<?x9xf32>)
    attributes {winnow.kernel = {kind = "topk_activation", k = 3}}

// -----

// expected-error @+1 {{kernel 'quantized_linear': expected 'w' to be packed in panels [3, 96], or a multiple as wide, for 24 columns, got 'memref<1x2x96xi8>'}}
func.func private @bytes(memref<?x9xi8>, memref<1x2x96xi8>, memref<24xi32>, memref<24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "quantized_linear", n = 24, k = 9, mr = 4, nr = 24, mb = 128}}

// -----

// expected-error @+1 {{kernel 'quantized_matmul': expected 'a_zero' to hold 'i32', got 'i8'}}
func.func private @products(memref<1x2x8xi8>, memref<1x8x3xi8>, memref<1xf32>, memref<1xi8>, memref<1x2x3xf32>)
    attributes {winnow.kernel = {kind = "quantized_matmul", a_zero = true}}

// -----

// expected-error @+1 {{kernel 'quantized_linear': expected 'bits' of 4, 6 or 8, got 5}}
func.func private @bits(memref<?x9xi8>, memref<1x2x24xi32>, memref<24xi32>, memref<24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "quantized_linear", n = 24, k = 9, mr = 2, nr = 8, kc = 3, mb = 4, bits = 5}}

// -----

// expected-error @+1 {{kernel 'quantized_linear': expected 'multipliers' of [1, 2, 24] beside numbers of 4 bits, got 'memref<1x1x24xi8>'}}
func.func private @multipliers(memref<?x40xi8>, memref<1x5x24xi32>, memref<1x1x24xi8>, memref<24xi32>, memref<24xf32>, memref<?x24xf32>)
    attributes {winnow.kernel = {kind = "quantized_linear", n = 24, k = 40, mr = 2, nr = 8, kc = 10, mb = 4, bits = 4, multipliers = true}}

// -----

// expected-error @+1 {{kernel 'quantize_rows': expected 'values' to hold 'i8', got 'f32'}}
func.func private @quantized(memref<?x9xf32>, memref<?x9xf32>, memref<?xf32>, memref<?xi8>)
    attributes {winnow.kernel = {kind = "quantize_rows"}}
