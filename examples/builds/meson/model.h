/* The temperature of a planet, in kelvin, that reflects a part `albedo` of the light and holds back a part `greenhouse` of the heat. */
double temperature(double albedo, double greenhouse);
/* Its derivatives, by forward mode. */
double per_albedo(double albedo, double greenhouse);
double per_greenhouse(double albedo, double greenhouse);
