// RUN: winnow-opt %s --split-input-file --winnow-verify-model-contract --verify-diagnostics

#n = affine_map<()[s0] -> (s0)>
func.func @main(%x: tensor<?xf32, #n>) -> tensor<?xf32, #n>
    attributes {winnow.entry, winnow.symbols = [{name = "n", min = 0, max = 9}]} {
  %0 = winnow.exp %x : (tensor<?xf32, #n>) -> tensor<?xf32, #n>
  return %0 : tensor<?xf32, #n>
}

// -----

// expected-error @below {{model contract: expected one entry function, got 0}}
module {
}

// -----

// expected-error @below {{model contract: expected dynamic dimensions to have an expression, got 'tensor<?xf32>'}}
func.func @main(%x: tensor<?xf32>) attributes {winnow.entry} {
  return
}

// -----

// expected-error @below {{model contract: expected expressions over 0 symbols, got}}
func.func @main(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) attributes {winnow.entry} {
  return
}

// -----

func.func @main(%x: tensor<4xf32>) attributes {winnow.entry} {
  // expected-error @below {{model contract: expected ops of the winnow dialect and control flow, got math.exp}}
  %0 = math.exp %x : tensor<4xf32>
  return
}

// -----

// Other forms of the model are entries with names.

func.func @main(%x: tensor<4xf32>) attributes {winnow.entry} {
  return
}
func.func @main_packed(%x: tensor<4xf32>) attributes {winnow.entry = "packed"} {
  return
}

// -----

func.func @main(%x: tensor<4xf32>) attributes {winnow.entry} {
  return
}
// expected-error @below {{model contract: expected one entry named 'packed', got 2}}
func.func @a(%x: tensor<4xf32>) attributes {winnow.entry = "packed"} {
  return
}
func.func @b(%x: tensor<4xf32>) attributes {winnow.entry = "packed"} {
  return
}
