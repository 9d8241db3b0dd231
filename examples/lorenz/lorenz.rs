//! The Lorenz system, the first strange attractor:
//!
//! ```text
//! dx/dt = sigma (y - x)
//! dy/dt = x (rho - z) - y
//! dz/dt = x y - beta z
//! ```
//!
//! E. N. Lorenz, "Deterministic nonperiodic flow", Journal of the Atmospheric Sciences 20 (1963), 130-141, where sigma = 10,
//! rho = 28 and beta = 8/3. Steps in time are those of the classical Runge-Kutta method of fourth order.

type State = [f64; 3];

struct Lorenz {
    sigma: f64,
    rho: f64,
    beta: f64,
}

impl Lorenz {
    fn velocity(&self, [x, y, z]: State) -> State {
        [
            self.sigma * (y - x),
            x * (self.rho - z) - y,
            x * y - self.beta * z,
        ]
    }

    /// The state one Runge-Kutta step of length `dt` after `state`.
    fn step(&self, state: State, dt: f64) -> State {
        let k1 = self.velocity(state);
        let k2 = self.velocity(moved(state, 0.5 * dt, k1));
        let k3 = self.velocity(moved(state, 0.5 * dt, k2));
        let k4 = self.velocity(moved(state, dt, k3));
        moved(
            state,
            dt / 6.0,
            std::array::from_fn(|i| k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i]),
        )
    }
}

/// The state reached from `state` in the time `dt` at a constant velocity.
fn moved(state: State, dt: f64, velocity: State) -> State {
    std::array::from_fn(|i| state[i] + dt * velocity[i])
}

/// The squared distance from the origin after `steps` steps of length `dt` from `initial`.
///
/// # Safety
///
/// `initial` points to three numbers x, y, z.
#[no_mangle]
pub unsafe extern "C" fn lorenz(
    initial: *const State,
    sigma: f64,
    rho: f64,
    beta: f64,
    dt: f64,
    steps: usize,
) -> f64 {
    let system = Lorenz { sigma, rho, beta };
    let mut state = *initial;
    for _ in 0..steps {
        state = system.step(state, dt);
    }
    state.iter().map(|x| x * x).sum()
}
