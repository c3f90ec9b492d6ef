//! Passwords: what one must be, and how it is hashed.
//!
//! Hashes are Argon2id (RFC 9106) in PHC strings. Where they are kept is not known here.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

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
    /// Memory of hashes that are done, for the next ones: as often as there ever were hashes at
    /// once. Given back to the allocator each time, blocks of this size and alignment come to lie
    /// between others and are not found again, until the process has taken many times as much.
    spare: Mutex<Vec<Vec<Block>>>,
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
        Ok(Hasher { argon2, dummy, spare: Mutex::default() })
    }

    /// The PHC string of a password, with a salt of its own. Slow.
    pub(super) fn hash(&self, password: &str) -> Result<String, StoreError> {
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        getrandom::fill(&mut salt).map_err(|_| password_hash::Error::Crypto)?;
        let output = self.compute(&self.argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN)?;
        phc(&self.argon2, &salt, output)
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
        let (Some(salt), Some(output)) = (&hash.salt, &hash.hash) else {
            return Err(password_hash::Error::PasswordInvalid.into());
        };
        let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
        let version = hash.version.map(Version::try_from).transpose();
        let version = version.map_err(password_hash::Error::from)?.unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash)?);
        let computed = self.compute(&argon2, password, salt, output.len())?;
        // Outputs are compared in constant time.
        Ok(computed == *output && stored.is_some())
    }

    /// What a password and a salt come to, in so many bytes.
    fn compute(
        &self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        len: usize,
    ) -> Result<Output, StoreError> {
        let mut memory = self.spare().pop().unwrap_or_default();
        memory.resize(argon2.params().block_count(), Block::new());
        let mut buffer = [0; Output::MAX_LENGTH];
        let output = buffer.get_mut(..len).ok_or(password_hash::Error::OutputSize)?;
        let outcome =
            argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory);
        self.spare().push(memory);
        outcome.map_err(password_hash::Error::from)?;
        Ok(Output::new(output).map_err(password_hash::Error::from)?)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
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
    phc(argon2, &salt, Output::new(&output).map_err(password_hash::Error::from)?)
}

/// The PHC string of an output.
fn phc(argon2: &Argon2<'_>, salt: &[u8], output: Output) -> Result<String, StoreError> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(salt).map_err(password_hash::Error::from)?),
        hash: Some(output),
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
    fn the_memory_of_a_hash_is_used_again() {
        let hasher = Hasher::new(QUICK).unwrap();
        let hash = hasher.hash("sesame").unwrap();
        let place = hasher.spare()[0].as_ptr();
        for password in ["sesame", "Sesame"] {
            assert_eq!(hasher.verify(password, Some(&hash)).unwrap(), password == "sesame");
            hasher.hash(password).unwrap();
        }
        assert!(!hasher.verify("sesame", None).unwrap());
        assert_eq!(hasher.spare().len(), 1);
        assert_eq!(hasher.spare()[0].as_ptr(), place);
        // What another cost left in it does not matter.
        let other = Hasher::new(Cost { memory_kib: 64, ..QUICK }).unwrap();
        let large = other.hash("sesame").unwrap();
        assert!(hasher.verify("sesame", Some(&large)).unwrap());
        assert!(hasher.verify("sesame", Some(&hash)).unwrap());
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
