// RUN: winnow-opt %s --split-input-file --winnow-use-probsparse | FileCheck %s
// RUN: winnow-opt %s --split-input-file --winnow-use-probsparse=skip=0 | FileCheck %s --check-prefix=SKIP
// RUN: winnow-opt %s --split-input-file --winnow-use-probsparse="factor=3 seed=7" | FileCheck %s --check-prefix=OTHER

// ceil(ln 1024) is 7. The table is the product of Philox words with 1024, shifted.

// CHECK: applied = true, code = "use-probsparse.used"{{.*}}sentence = "attends with 35 of 1024 queries that 35 keys tell apart: {{[0-9]+}} % of its work less"
// CHECK-LABEL: func.func @long
// CHECK: %[[T:.*]] = winnow.constant dense<{{.*}}> : tensor<1024x35xi64>
// CHECK: winnow.probsparse_attention %arg0, %arg0, %arg0, %[[T]] {kept = 35 : i64, scale = 1.250000e-01 : f32}
// SKIP-LABEL: func.func @long
// SKIP: winnow.attention
// OTHER-LABEL: func.func @long
// OTHER: winnow.probsparse_attention {{.*}} {kept = 21 : i64
func.func @long(%x: tensor<2x1024x8x64xf32>) -> tensor<2x1024x8x64xf32> {
  %y = winnow.attention %x, %x, %x {scale = 0.125 : f32} : (tensor<2x1024x8x64xf32>, tensor<2x1024x8x64xf32>, tensor<2x1024x8x64xf32>) -> tensor<2x1024x8x64xf32>
  return %y : tensor<2x1024x8x64xf32>
}

// -----

// CHECK: applied = false, code = "use-probsparse.slower"{{.*}}sentence = "dense attention of 48 tokens is faster: {{[0-9]+}} units of work for a head, and {{[0-9]+}} with 20 samples"
// CHECK-LABEL: func.func @short
// CHECK: winnow.attention
func.func @short(%x: tensor<2x48x8x64xf32>) -> tensor<2x48x8x64xf32> {
  %y = winnow.attention %x, %x, %x {scale = 0.125 : f32} : (tensor<2x48x8x64xf32>, tensor<2x48x8x64xf32>, tensor<2x48x8x64xf32>) -> tensor<2x48x8x64xf32>
  return %y : tensor<2x48x8x64xf32>
}

// -----

// CHECK: code = "use-probsparse.causal"{{.*}}"whether a query attends would depend on the tokens after it"
// CHECK-LABEL: func.func @causal
// CHECK: winnow.attention
func.func @causal(%x: tensor<2x1024x8x64xf32>) -> tensor<2x1024x8x64xf32> {
  %y = winnow.attention %x, %x, %x {causal, scale = 0.125 : f32} : (tensor<2x1024x8x64xf32>, tensor<2x1024x8x64xf32>, tensor<2x1024x8x64xf32>) -> tensor<2x1024x8x64xf32>
  return %y : tensor<2x1024x8x64xf32>
}

// -----

// CHECK: code = "use-probsparse.form"{{.*}}"expected attention without masks, packed tokens, caps and shared heads"
// CHECK-LABEL: func.func @masked
// CHECK: winnow.attention
func.func @masked(%x: tensor<2x1024x8x64xf32>, %m: tensor<2x1x1x1024xi1>) -> tensor<2x1024x8x64xf32> {
  %y = winnow.attention %x, %x, %x mask(%m) {scale = 0.125 : f32} : (tensor<2x1024x8x64xf32>, tensor<2x1024x8x64xf32>, tensor<2x1024x8x64xf32>, tensor<2x1x1x1024xi1>) -> tensor<2x1024x8x64xf32>
  return %y : tensor<2x1024x8x64xf32>
}

// -----

// CHECK: code = "use-probsparse.form"{{.*}}"expected as many queries as keys, got 1024 and 512"
// CHECK-LABEL: func.func @cross
func.func @cross(%x: tensor<2x1024x8x64xf32>, %k: tensor<2x512x8x64xf32>) -> tensor<2x1024x8x64xf32> {
  %y = winnow.attention %x, %k, %k {scale = 0.125 : f32} : (tensor<2x1024x8x64xf32>, tensor<2x512x8x64xf32>, tensor<2x512x8x64xf32>) -> tensor<2x1024x8x64xf32>
  return %y : tensor<2x1024x8x64xf32>
}

// -----

// CHECK: code = "use-probsparse.length"{{.*}}"expected a known length, got 's0'; --dim pins it"
// CHECK-LABEL: func.func @symbolic
func.func @symbolic(%x: tensor<2x?x8x64xf32, affine_map<()[s0] -> (2, s0, 8, 64)>>) -> tensor<2x?x8x64xf32, affine_map<()[s0] -> (2, s0, 8, 64)>> {
  %y = winnow.attention %x, %x, %x {scale = 0.125 : f32} : (tensor<2x?x8x64xf32, affine_map<()[s0] -> (2, s0, 8, 64)>>, tensor<2x?x8x64xf32, affine_map<()[s0] -> (2, s0, 8, 64)>>, tensor<2x?x8x64xf32, affine_map<()[s0] -> (2, s0, 8, 64)>>) -> tensor<2x?x8x64xf32, affine_map<()[s0] -> (2, s0, 8, 64)>>
  return %y : tensor<2x?x8x64xf32, affine_map<()[s0] -> (2, s0, 8, 64)>>
}
