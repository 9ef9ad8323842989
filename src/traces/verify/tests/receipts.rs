//! One entry's receipt.

use super::*;

#[test]
fn a_receipt_proves_its_entry_and_nothing_else() {
    let ledger = Ledger::new();
    let (frontier, nodes) = grown(&ledger.hashes());
    assert_eq!(Frontier::from_bytes(&frontier.to_bytes()), Some(frontier));
    for index in 0..16 {
        let receipt = Receipt {
            leaf: ledger.leaves[index as usize].clone(),
            index,
            proof: prove::inclusion(&nodes, index, 16).unwrap(),
            note: ledger.signed().note().clone(),
        };
        let text = receipt.to_string();
        assert_eq!(Receipt::parse(&text).unwrap(), receipt);
        assert_eq!(receipt.verify(ORIGIN, &[key(9)]).unwrap().index, index);
        let not_included = |receipt: Receipt| {
            assert!(matches!(receipt.verify(ORIGIN, &[key(9)]), Err(ReceiptError::NotIncluded)));
        };
        not_included(Receipt { index: (index + 1) % 16, ..receipt.clone() });
        not_included(Receipt { leaf: ledger.leaves[(index as usize + 1) % 16].clone(), ..receipt.clone() });
        not_included(Receipt { proof: receipt.proof[1..].to_vec(), ..receipt.clone() });
        assert!(receipt.verify(ORIGIN, &[key(8)]).is_err());
        for (from, to) in
            [("@v1", "@v2"), ("extra ", "extra  "), ("index ", "index 0"), ("\n\n", "\n"), ("=\n", "\n")]
        {
            assert!(Receipt::parse(&text.replacen(from, to, 1)).is_err(), "{to:?}");
        }
    }
}
