// RUN: winnow-opt %s --split-input-file --winnow-to-linalg | FileCheck %s

// Nothing is as large as queries times keys, nor are sampled keys copied. The keys of a head
// are put together.

// CHECK-LABEL: func.func @means
// CHECK-NOT: tensor<{{.*}}96x96
// CHECK: %[[M:.*]] = winnow.kernel "probsparse_measure" ins(%{{.*}}, %[[K:.*]], %{{.*}} : tensor<2x96x8x64xf32>, tensor<2x8x96x64xf32>, tensor<96x25xi32>) outs(%{{.*}} : tensor<2x8x96xf32>) {bounded = false, divisor = 0.000000e+00 : f64, in_bounds = true, key_heads_first = true, query_heads_first = false, samples = 25 : i64, scale = 1.000000e+00 : f32} {site = 0 : i32}
// CHECK: winnow.kernel "topk" ins(%{{.*}} : tensor<16x96x1xf32>) outs(%{{.*}}, %{{.*}} : tensor<16x25x1xf32>, tensor<16x25x1xi64>) {largest = true
// CHECK: winnow.kernel "mean_rows" ins(%{{.*}} : tensor<2x96x8x64xf32>) outs(%{{.*}}, %{{.*}} : tensor<2x96x8x64xf32>, tensor<2x8x8x64xf32>)
// CHECK: winnow.kernel "attention" ins(%{{.*}}, %[[K]], %{{.*}}, %{{.*}} : tensor<2x96x8x64xf32>, tensor<2x8x96x64xf32>, tensor<2x96x8x64xf32>, tensor<2x8x25xi64>) outs(%{{.*}} : tensor<2x96x8x64xf32>) {causal = false, in_place = true, key_heads_first = true, mask = "none", query_rows = true, scale = 1.250000e-01 : f32}
func.func @means(%x: tensor<2x96x8x64xf32>) -> tensor<2x96x8x64xf32> attributes {winnow.entry, winnow.symbols = []} {
  %t = winnow.constant dense<5> : tensor<96x25xi64>
  %y = winnow.probsparse_attention %x, %x, %x, %t {kept = 25 : i64, scale = 0.125 : f32} : (tensor<2x96x8x64xf32>, tensor<2x96x8x64xf32>, tensor<2x96x8x64xf32>, tensor<96x25xi64>) -> tensor<2x96x8x64xf32>
  return %y : tensor<2x96x8x64xf32>
}

// -----

// A table of the run is checked, and the mask has all columns.

// CHECK-LABEL: func.func @sums
// CHECK: winnow.kernel "probsparse_measure" {{.*}} {bounded = false, divisor = 3.000000e+00 : f64, in_bounds = false, key_heads_first = true, query_heads_first = false, samples = 5 : i64, scale = 5.000000e-01 : f32}
// CHECK: winnow.kernel "cumsum" ins(%{{.*}} : tensor<2x6x12xf32>)
// CHECK: winnow.kernel "attention" ins({{.*}} : tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>, tensor<2x6x4x3xf32>, tensor<1x1x6x6xi1>, tensor<2x4x2xi64>) {{.*}} {causal = true, in_place = true, key_heads_first = true, mask = "bool"
func.func @sums(%x: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x3xf32>, %t: tensor<5xi64>, %m: tensor<1x1x6x1xi1>) -> tensor<2x6x4x3xf32> attributes {winnow.entry, winnow.symbols = []} {
  %y = winnow.probsparse_attention %x, %x, %v, %t mask(%m) {causal, cumsum, divisor = 3.0 : f32, kept = 2 : i64, scale = 0.5 : f32, scale_first} : (tensor<2x6x4x8xf32>, tensor<2x6x4x8xf32>, tensor<2x6x4x3xf32>, tensor<5xi64>, tensor<1x1x6x1xi1>) -> tensor<2x6x4x3xf32>
  return %y : tensor<2x6x4x3xf32>
}

// -----

// Where few rows of many are kept, bounds come first, and keys stay where they are.

// CHECK-LABEL: func @bounded
// CHECK: %[[B:.*]]:6 = winnow.kernel "probsparse_bounds" ins(%[[Q:.*]], %[[Q]], %{{.*}} : tensor<1x4096x8x40xf32>, tensor<1x4096x8x40xf32>, tensor<4096x8xi32>) outs({{.*}} : tensor<1x8x4096xf32>, tensor<1x8x4096xf32>, tensor<1x8x4096x64xi8>, tensor<1x8x4096x64xi8>, tensor<1x32x8x3xf32>, tensor<1x8x4x4096xf32>) {divisor = 0.000000e+00 : f64, key_heads_first = false, query_heads_first = false, samples = 4 : i64}
// CHECK: winnow.kernel "topk"
// CHECK: winnow.kernel "probsparse_measure" ins(%[[Q]], %[[Q]], %{{.*}}, %[[B]]#1, %{{.*}} : {{.*}}, tensor<1x8x4096xf32>, tensor<1x8x4xf32>) outs({{.*}} : tensor<1x8x4096xf32>) {bounded = true, {{.*}}key_heads_first = false
// CHECK: winnow.kernel "topk"
// CHECK: winnow.kernel "attention" ins(%[[Q]], %[[Q]], {{.*}}key_heads_first = false
func.func @bounded(%x: tensor<1x4096x8x40xf32>) -> tensor<1x4096x8x40xf32> attributes {winnow.entry, winnow.symbols = []} {
  %t = winnow.constant dense<5> : tensor<4096x4xi64>
  %y = winnow.probsparse_attention %x, %x, %x, %t {kept = 4 : i64, scale = 0.125 : f32} : (tensor<1x4096x8x40xf32>, tensor<1x4096x8x40xf32>, tensor<1x4096x8x40xf32>, tensor<4096x4xi64>) -> tensor<1x4096x8x40xf32>
  return %y : tensor<1x4096x8x40xf32>
}
