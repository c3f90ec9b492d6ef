//! Passwords: what one must be, and how it is hashed.
//!
//! Hashes are Argon2id (RFC 9106) in PHC strings. Where they are kept is not known here.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::error::StoreError;

/// What one hash costs. Each hash under way takes `memory_kib` for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, at least 8 a lane.
    pub memory_kib: u32,
    /// Passes over the memory, at least 1.
    pub passes: u32,
    /// Lanes, at least 1; all are computed on one thread.
    pub lanes: u32,
}

impl Default for Cost {
    /// 19 MiB, two passes, one lane: tens of milliseconds of one processor.
    fn default() -> Cost {
        Cost {
            memory_kib: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
            lanes: Params::DEFAULT_P_COST,
        }
    }
}

/// How long a password may be, in characters (Unicode scalar values).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRule {
    /// Characters at least.
    pub chars_min: usize,
    /// Characters at most.
    pub chars_max: usize,
}

impl PasswordRule {
    /// Whether a password may be chosen.
    pub fn allows(&self, password: &str) -> bool {
        let chars = password.chars().take(self.chars_max.saturating_add(1)).count();
        (self.chars_min..=self.chars_max).contains(&chars)
    }
}

impl Default for PasswordRule {
    /// 4 to 128 characters.
    fn default() -> PasswordRule {
        PasswordRule { chars_min: 4, chars_max: 128 }
    }
}

/// Hashes at one cost.
#[derive(Debug)]
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    /// What a password is checked against where there is no account: costs the same, matches none.
    dummy: String,
}

impl Hasher {
    /// # Errors
    ///
    /// The cost is out of range, or the system has no random numbers.
    pub(super) fn new(cost: Cost) -> Result<Hasher, StoreError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(password_hash::Error::from)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = dummy(&argon2)?;
        Ok(Hasher { argon2, dummy })
    }

    /// The PHC string of a password, with a salt of its own. Slow.
    pub(super) fn hash(&self, password: &str) -> Result<String, StoreError> {
        let hash: PasswordHash = self.argon2.hash_password(password.as_bytes())?;
        Ok(hash.to_string())
    }

    /// Whether the password is the one that was hashed, whatever the cost was then. Slow; for
    /// `None` as slow as for a hash of the present cost, and `false`.
    ///
    /// # Errors
    ///
    /// `stored` is no Argon2 hash.
    pub(super) fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, StoreError> {
        let hash =
            PasswordHash::new(stored.unwrap_or(&self.dummy)).map_err(password_hash::Error::from)?;
        match self.argon2.verify_password(password.as_bytes(), &hash) {
            Ok(()) => Ok(stored.is_some()),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a hash is what [`hash`](Hasher::hash) would make of the same password now.
    pub(super) fn is_current(&self, stored: &str) -> bool {
        let (Ok(stored), Ok(dummy)) = (PasswordHash::new(stored), PasswordHash::new(&self.dummy))
        else {
            return false;
        };
        stored.algorithm == dummy.algorithm
            && stored.version == dummy.version
            && stored.params == dummy.params
    }
}

/// A hash of nothing that anybody knows, in no time: salt and output are random.
fn dummy(argon2: &Argon2<'_>) -> Result<String, StoreError> {
    let mut salt = [0; Salt::RECOMMENDED_LENGTH];
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    getrandom::fill(&mut salt)
        .and_then(|()| getrandom::fill(&mut output))
        .map_err(|_| password_hash::Error::Crypto)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(&salt).map_err(password_hash::Error::from)?),
        hash: Some(Output::new(&output).map_err(password_hash::Error::from)?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    #[test]
    fn a_hash_is_argon2id_with_the_cost_in_it_and_salted() {
        let hasher = Hasher::new(QUICK).unwrap();
        let (first, second) = (hasher.hash("sesame").unwrap(), hasher.hash("sesame").unwrap());
        assert!(first.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{first}");
        assert_ne!(first, second);
        assert!(hasher.verify("sesame", Some(&first)).unwrap());
        assert!(!hasher.verify("Sesame", Some(&first)).unwrap());
        let default = Hasher::new(Cost::default()).unwrap();
        assert!(default.dummy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", default.dummy);
    }

    #[test]
    fn the_dummy_has_the_shape_and_cost_of_a_hash_and_matches_nothing() {
        let hasher = Hasher::new(QUICK).unwrap();
        let hash = hasher.hash("sesame").unwrap();
        let lengths = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(&hasher.dummy), lengths(&hash));
        assert!(hasher.is_current(&hasher.dummy) && hasher.is_current(&hash));
        for password in ["", "sesame", "\0"] {
            assert!(!hasher.verify(password, None).unwrap());
        }
    }

    #[test]
    fn hashes_of_another_cost_are_verified_but_not_current() {
        let other = Hasher::new(Cost { passes: 2, ..QUICK }).unwrap();
        let hash = other.hash("sesame").unwrap();
        let hasher = Hasher::new(QUICK).unwrap();
        assert!(hasher.verify("sesame", Some(&hash)).unwrap());
        assert!(!hasher.is_current(&hash) && other.is_current(&hash));
    }

    #[test]
    fn what_is_no_hash_is_an_error_and_so_is_an_impossible_cost() {
        let hasher = Hasher::new(QUICK).unwrap();
        for stored in ["", "sesame", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(hasher.verify("sesame", Some(stored)).is_err(), "{stored}");
            assert!(!hasher.is_current(stored));
        }
        assert!(Hasher::new(Cost { memory_kib: 1, ..QUICK }).is_err());
        assert!(Hasher::new(Cost { passes: 0, ..QUICK }).is_err());
    }

    #[test]
    fn passwords_are_measured_in_characters() {
        let rule = PasswordRule::default();
        for (password, allowed) in [("", false), ("abc", false), ("abcd", true), ("äöüß", true)]
        {
            assert_eq!(rule.allows(password), allowed, "{password}");
        }
        assert!(rule.allows(&"é".repeat(128)));
        assert!(!rule.allows(&"é".repeat(129)));
        assert!(PasswordRule { chars_min: 0, chars_max: usize::MAX }.allows(""));
    }
}
